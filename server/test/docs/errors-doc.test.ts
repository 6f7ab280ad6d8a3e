import { readFileSync, readdirSync } from 'node:fs'
import { closeCodes, errorCodes, rpcErrors } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { serverErrorCodes } from '../../src/process/errors.ts'

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')

/** The rows of the table under a heading, cells trimmed, the name without its backticks. */
function rows(heading: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')))
}

const yesNo = (value: boolean): string => (value ? 'yes' : 'no')

describe('docs/errors.md', () => {
  it('PR10: has every error code with its status, retry and text, and no other', () => {
    const declared = Object.entries(errorCodes).map(([code, { status, retry, text }]) => [
      code,
      String(status),
      yesNo(retry),
      text,
    ])
    const documented = rows('Error codes')
    expect(documented.map((cells) => cells.slice(0, 4))).toEqual(declared)
    for (const cells of documented) expect(cells[4], cells[0]).not.toBe('')
  })

  it('JR5: has every error of JSON-RPC with its code and message, and no other', () => {
    const declared = Object.entries(rpcErrors).map(([name, { code, text }]) => [
      name,
      String(code),
      text,
    ])
    expect(rows('Errors of JSON-RPC').map((cells) => cells.slice(0, 3))).toEqual(declared)
  })

  it('PR10: has every close code with its number, redial and reason, and no other', () => {
    const declared = Object.entries(closeCodes).map(([cause, { code, retry, reason }]) => [
      cause,
      String(code),
      yesNo(retry),
      reason,
    ])
    expect(rows('Close codes').map((cells) => cells.slice(0, 4))).toEqual(declared)
  })

  it('PR10: the server closes with every cause of the table but `moved`, which needs a cluster', () => {
    const folder = new URL('../../src/', import.meta.url)
    const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8'))
      .join('\n')
    const isUsed = (cause: string): boolean =>
      source.includes(`'${cause}'`) || source.includes(`closeCodes.${cause}.`)
    const unused = Object.keys(closeCodes).filter((cause) => !isUsed(cause))
    expect(unused).toEqual(['moved'])
  })

  it('PR10: has every error of the server with its text, and no other', () => {
    expect(rows('Errors of the programmer')).toEqual(
      Object.entries(serverErrorCodes).map((entry) => [...entry]),
    )
  })
})
