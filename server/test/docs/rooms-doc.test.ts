import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startTestServer } from '../../src/testing/index.ts'
import { createServer } from '../../src/index.ts'
import { testGame } from '../support/test-game.ts'

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')

/** The fields of a room as the page has them: name and type. */
function documented(): Map<string, string> {
  const fields = new Map<string, string>()
  const [, table = ''] = page.split('One room of `GET /rooms`')
  for (const line of table.split('\n')) {
    if (line.startsWith('A page of events')) break
    const [, names = '', type = ''] = line.split('|').map((cell) => cell.trim())
    for (const [, name = ''] of names.matchAll(/`(\w+)`/g)) fields.set(name, type)
  }
  return fields
}

it('TK21 GET /rooms and its stream show each room with the fields of docs/protocol.md', async () => {
  await using kit = await startTestServer(testGame, (settings) => {
    const server = createServer(testGame, settings)
    server.room('quiet', {
      onCreate: (room) => {
        room.setMetadata({ map: 'dust' })
        return { players: {} }
      },
    })
    return server
  })
  const player = await kit.create('quiet')
  const stream = await kit.follow('/rooms/stream')
  const { json } = await kit.get('/rooms')
  const { rooms } = json as { rooms: Record<string, unknown>[] }
  const [room = {}] = rooms
  const fields = documented()
  expect([...fields.keys()].sort()).toEqual(Object.keys(room).sort())
  for (const [name, type] of fields) if (type !== 'JSON') expect(typeof room[name], name).toBe(type)
  expect(room).toMatchObject({
    roomId: player.seat.roomId,
    type: 'quiet',
    clients: 1,
    locked: false,
    metadata: { map: 'dust' },
    delayMs: 0,
  })
  await kit.until(() => stream.has('rooms'))
  const [told] = stream.all('rooms')
  const { rooms: streamed } = told as { rooms: Record<string, unknown>[] }
  expect(streamed.map((one) => Object.keys(one).sort())).toEqual([Object.keys(room).sort()])
})
