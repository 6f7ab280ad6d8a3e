import { defineGame, schema, str } from '@ringside/protocol'
import { expect, it } from 'vitest'
import { createServer } from '../../src/index.ts'
import { MongoStore } from '../../src/mongo.ts'
import { eventually } from '../../src/testing/index.ts'
import { useMongo } from '../support/use-mongo.ts'

const mongo = useMongo()
const KEY = 'a key of sixteen characters'
const game = defineGame({ rooms: { hall: { state: schema({ name: str(1) }) } } })

function start(database: string) {
  const server = createServer(game, {
    store: new MongoStore({ uri: mongo.uri(), database }),
    apiKey: KEY,
    presence: true,
  })
  server.room('hall', { onCreate: () => ({ name: '' }) })
  return server
}

it('PU10 another process on the log reads it live, and so does a later one from the start', async () => {
  const { databaseName } = mongo.database('presence')
  const owner = start(databaseName)
  const other = start(databaseName)
  await owner.listen({ port: 0 })
  const port = await other.listen({ port: 0 })
  const abort = new AbortController()
  let text = ''
  const read = async (address: string): Promise<void> => {
    const answer = await fetch(address, {
      headers: { 'x-api-key': KEY, accept: 'application/x-ndjson' },
      signal: abort.signal,
    })
    const decoder = new TextDecoder()
    for await (const bytes of answer.body ?? []) text += decoder.decode(bytes, { stream: true })
  }
  try {
    const path = '/feed?rooms=&topics=presence'
    const reading = read(`http://127.0.0.1:${port}${path}`).catch(() => {})
    await eventually(() => text.includes('caught-up'), { deadlineMs: 10_000 })
    const roomId = await owner.createRoom('hall', {})
    await eventually(() => text.includes('room.opened'), { deadlineMs: 10_000 })
    expect(text).toContain(`"data":{"room":"${roomId}","type":"hall","clients":0}`)
    owner.closeRoom(roomId)
    await eventually(() => text.includes('room.ended'), { deadlineMs: 10_000 })
    abort.abort()
    await reading
  } finally {
    abort.abort()
    await owner.close()
    await other.close()
  }
  const later = start(databaseName)
  const laterPort = await later.listen({ port: 0 })
  try {
    const answer = await fetch(
      `http://127.0.0.1:${laterPort}/feed?rooms=&topics=presence&from=start&limit=2`,
      { headers: { 'x-api-key': KEY, accept: 'application/x-ndjson' } },
    )
    const types = [...(await answer.text()).matchAll(/"type":"(room\.\w+)"/g)].map(
      ([, type]) => type,
    )
    expect(types).toEqual(['room.opened', 'room.ended'])
  } finally {
    await later.close()
  }
}, 60_000)
