import { readFileSync } from 'node:fs'
import { system } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const page = read('../docs/protocol.md')
const vectors = JSON.parse(read('vectors.json')) as Record<
  'system' | 'commands' | 'states',
  { hex: string }[]
>

/** The frames of the sample session: a line with > or <, and the lines of hex that go on from it. */
function sampleFrames(): string[] {
  const session = page.split('```\n').find((block) => block.startsWith('> ffff0001')) ?? ''
  const frames: string[] = []
  for (const line of session.split('\n')) {
    const hex = line.replace(/^[<>]/, '').replaceAll(' ', '')
    if (!/^[0-9a-f]+$/.test(hex)) continue
    if (/^[<>]/.test(line)) frames.push(hex)
    else frames.push(`${frames.pop() ?? ''}${hex}`)
  }
  return frames
}

describe('docs/protocol.md', () => {
  it('PR7: every frame of the sample session is one of the vectors', () => {
    const golden = new Set(
      Object.values(vectors)
        .flat()
        .map((vector) => vector.hex),
    )
    const frames = sampleFrames()
    expect(frames.length).toBeGreaterThan(10)
    for (const frame of frames) expect(golden).toContain(frame)
  })

  it('PR7: the table has every system message under its id and sender, and no other', () => {
    const documented = [...page.matchAll(/^\| 0x(FFFF00\w\w) +\| (\w+) +\| (\w+) +\|/gm)].map(
      ([, id, name, from]) => `${Number.parseInt(id ?? '', 16)} ${name} ${from}`,
    )
    const declared = Object.entries(system).map(([name, { id, from }]) => {
      const upper = name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
      return `${id} ${upper} ${from}`
    })
    expect(documented).toEqual(declared)
  })
})
