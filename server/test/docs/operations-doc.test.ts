import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MemoryTransport, createServer, folderArchive } from '../../src/index.ts'
import { testGame } from '../support/test-game.ts'

const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')

test('PR10: docs/operations.md explains every metric, and no other', async () => {
  const transport = new MemoryTransport({
    maxMessageBytes: 1_024,
    maxBufferedBytes: 65_536,
    idleTimeoutMs: 60_000,
  })
  const archive = folderArchive(mkdtempSync(join(tmpdir(), 'ringside-archive-')))
  const options = { transport, archive, presence: true, isDevelopment: true }
  const server = createServer(testGame, options)
  await server.listen({ port: 0 })
  const exchange = transport.request({ path: '/metrics' })
  await exchange.done
  await server.close()
  rmSync(archive.address, { recursive: true })
  const shown = [...exchange.text().matchAll(/^# TYPE ringside_(\w+)/gm)].map(([, name]) => name)
  expect(shown.length).toBeGreaterThan(20)
  const section = page.split(/^## /m).find((part) => part.startsWith('Metrics')) ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  const explained = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  )
  expect(new Set(explained)).toEqual(new Set(shown))
  expect(explained).toHaveLength(shown.length)
})
