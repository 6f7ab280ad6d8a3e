import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { arrows, findCircle, findForbidden } from '../../../scripts/arrows.mjs'

const script = fileURLToPath(new URL('../../../scripts/arrows.mjs', import.meta.url))
const sources = fileURLToPath(new URL('../../src', import.meta.url))

/** The rules that one import of this file breaks, without the place of the table. */
function broken(path: string, line: string): string[] {
  return findForbidden([[path, line]]).map((found) => found.replace(/ \(table: .*$/, ''))
}

test('an import that the table does not name is found, whatever its form', () => {
  const rule = 'room/ may import process/, call/, state/, outbox/contract/; not transport/'
  for (const line of [
    "import { SendResult } from '../transport/contract.ts'",
    "import type { Connection } from '../transport/contract.ts'",
    "import {\n  SendResult,\n  type Connection,\n} from '../transport/contract.ts'",
    "export { SendResult } from '../transport/contract.ts'",
    "export * from '../transport/contract.ts'",
    "import '../transport/contract.ts'",
    "const late = await import('../transport/contract.ts')",
    "let type: import('../transport/contract.ts').Connection",
  ])
    expect(broken('room/room.ts', line), line).toEqual([
      `room/room.ts:${line.split('\n').length}: ${rule}`,
    ])
  expect(broken('room/seats/seat.ts', "import { x } from '../../feed/feed.ts'")).toHaveLength(1)
})

test('an import that the table names is none, nor is one that stands in a comment', () => {
  expect(broken('room/room.ts', "import { x } from '../call/call.ts'")).toEqual([])
  expect(broken('room/room.ts', "import { x } from '../process/clock.ts'")).toEqual([])
  expect(broken('room/room.ts', "import { x } from './turn/loop.ts'")).toEqual([])
  expect(broken('room/room.ts', "// import { x } from '../feed/feed.ts'")).toEqual([])
})

test('a log is known by its contract, an implementation by the wiring alone', () => {
  expect(broken('feed/feed.ts', "import { x } from '../outbox/contract/outbox.ts'")).toEqual([])
  expect(broken('feed/feed.ts', "import { x } from '../outbox/log-outbox.ts'")).toHaveLength(1)
  const store = 'outbox/stores/memory/store.ts'
  expect(broken('outbox/log-outbox.ts', `import { x } from './stores/memory/store.ts'`)).toEqual([
    'outbox/log-outbox.ts:1: outbox/ may import process/, outbox/contract/; not outbox/stores/',
  ])
  expect(broken('server.ts', `import { x } from './${store}'`)).toEqual([])
  expect(broken('options.ts', `import { x } from './${store}'`)).toHaveLength(1)
  expect(broken('transport/contract.ts', "import { x } from './uws/transport.ts'")).toHaveLength(1)
  expect(broken('room/room.ts', "import { x } from '../game-server.ts'")).toEqual([
    'room/room.ts:1: nobody imports a file of the wiring',
  ])
})

test('a package is known by the one place that stands for it', () => {
  expect(broken('transport/uws/http.ts', "import x from 'uWebSockets.js'")).toEqual([])
  expect(broken('transport/memory/http.ts', "import x from 'uWebSockets.js'")).toEqual([
    'transport/memory/http.ts:1: only transport/uws/ imports uWebSockets.js',
  ])
  expect(broken('outbox/keep/retention.ts', "import type { Db } from 'mongodb'")).toHaveLength(1)
})

test('TK7: nobody imports the test kit, the wiring neither', () => {
  for (const path of ['room/room.ts', 'server.ts'])
    expect(
      broken(path, `import { x } from '${path === 'server.ts' ? '.' : '..'}/testing/time.ts'`),
    ).toEqual([`${path}:1: nothing of the server imports testing/, the test kit`])
})

test('a folder without a row may import nothing', () => {
  expect(broken('party/party.ts', "import { x } from '../room/room.ts'")).toEqual([
    'party/party.ts:1: party/ has no row in the table of arrows',
  ])
})

test('the table has a row for each folder of the server, none for another, and no circle', () => {
  const folders = readdirSync(sources, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
  const rows = Object.keys(arrows).map((place) => place.split('/')[0])
  expect(new Set(rows)).toEqual(new Set([...folders, 'root']))
  expect(findCircle()).toBeNull()
  expect(findCircle({ room: ['state'], state: ['call'], call: ['state'] })).toEqual([
    'state',
    'call',
    'state',
  ])
})

test('the script tells the file and line of each forbidden import of a tree, and fails', () => {
  const folder = mkdtempSync(join(tmpdir(), 'arrows-'))
  try {
    mkdirSync(join(folder, 'state'))
    const run = () => spawnSync(process.execPath, [script, folder], { encoding: 'utf8' })
    writeFileSync(join(folder, 'state', 'good.ts'), "import { x } from '../process/clock.ts'\n")
    expect(run()).toMatchObject({ status: 0, stderr: '' })
    writeFileSync(join(folder, 'state', 'bad.ts'), "\nimport { x } from '../room/room.ts'\n")
    const { status, stderr } = run()
    expect(status).toBe(1)
    expect(stderr).toContain('state/bad.ts:2: state/ may import process/; not room/')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
