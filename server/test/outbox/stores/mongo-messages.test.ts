import { expect, it } from 'vitest'
import { MongoStore } from '../../../src/outbox/stores/mongo/store.ts'
import type { NewMessage } from '../../../src/outbox/contract/messages.ts'
import { TOMBSTONE } from '../../../src/outbox/contract/store.ts'
import { createRandom } from '../../simulation/sim-random.ts'
import { hookedStore } from '../../../src/testing/store/hooked-store.ts'
import { openOutbox, quietHandlers, readPages, until } from '../../faults/rig.ts'
import { useMongo } from '../../support/use-mongo.ts'

const mongo = useMongo()
const SEED = Date.now() % 100_000

function message(messageId: string, principal = 'key:a'): NewMessage {
  const names = { topic: 'public', to: null, messageId, principal, trace: null }
  return { type: 'news', data: '{"a":1}', ...names }
}

it(`OB107 two processes, answers lost, each message published again and again: once in the log (seed ${SEED})`, async () => {
  const random = createRandom(SEED)
  const { databaseName: database } = mongo.database('messages')
  const isLost = (): boolean => random.next() < 0.2
  const open = () =>
    openOutbox({
      uri: mongo.uri(),
      database,
      wrap: (store) =>
        hookedStore(store, {
          after: (operation) => {
            if (operation.startsWith('insert') && isLost()) throw new Error('The answer is lost')
          },
        }),
    })
  const outboxes = [await open(), await open()] as const
  const logs = await Promise.all(
    outboxes.map((outbox, index) => outbox.openRoom(`room-${index}`, quietHandlers)),
  )
  const news = new Map<string, number>()
  const publish = async (id: string): Promise<void> => {
    const outbox = outboxes[random.int(0, 1)] ?? outboxes[0]
    const { duplicate } = await outbox.publish(message(id))
    news.set(id, (news.get(id) ?? 0) + (duplicate ? 0 : 1))
  }
  const publishing: Promise<void>[] = []
  for (let turn = 0; turn < 60; turn++) {
    for (let count = 0; count < 20; count++)
      publishing.push(publish(`id-${random.int(0, turn * 5 + 5)}`))
    for (const log of logs) log.append({ type: 'kill', data: `{"turn":${turn}}` })
    await new Promise((resolve) => setTimeout(resolve, random.int(0, 5)))
  }
  await Promise.all(publishing)
  await Promise.all(logs.map((log) => log.durable()))
  expect([...news].filter(([, count]) => count !== 1)).toEqual([])
  const last = await outboxes[0].counter()
  await until(() => outboxes.every(({ sealed }) => sealed >= last), 'all to be sealed')
  const [events] = await Promise.all(outboxes.map(readPages))
  const ids = (events ?? []).flatMap((event) => event.message?.messageId ?? [])
  expect(ids.toSorted()).toEqual([...news.keys()].toSorted())
  expect(events?.filter(({ type }) => type === 'kill')).toHaveLength(120)
  for (const outbox of outboxes) await outbox.stop()
}, 60_000)

it('OB107 looking for a message, or for many, reads no more than those', async () => {
  const db = mongo.database('message-plans')
  const store = new MongoStore({ uri: mongo.uri(), database: db.databaseName })
  await store.open()
  const first = await store.events.allocate(200)
  const events = Array.from({ length: 200 }, (_, index) => {
    const { type, data, ...names } = message(`id-${index}`, `key:${index % 2}`)
    const place = { seq: first + index, room: null, n: 0, epoch: 0, prev: 0, hidden: null, at: 1 }
    return { ...place, own: 'x', type, data, message: names }
  })
  await store.events.insert(events)
  await db.command({ profile: 2 })
  await store.events.byMessageId('key:1', 'id-1')
  await store.events.byMessageIds(
    Array.from({ length: 20 }, (_, index) => ({
      principal: `key:${index % 2}`,
      messageId: `id-${index}`,
    })),
  )
  await db.command({ profile: 0 })
  const looks = await db
    .collection('system.profile')
    .find({ 'command.find': 'events' }, { sort: { ts: 1 } })
    .toArray()
  expect(looks.map(({ nreturned, docsExamined }) => [nreturned, docsExamined])).toEqual([
    [1, 1],
    [20, 20],
  ])
  await store.close()
})

it('OB81 OB107 a log of before gets the index when it is opened, and goes on', async () => {
  const db = mongo.database('message-index')
  const options = { uri: mongo.uri(), database: db.databaseName }
  const before = new MongoStore(options)
  await before.open()
  const seq = await before.events.allocate(1)
  const stone = {
    seq,
    room: null,
    n: 0,
    epoch: 0,
    own: 'x',
    at: 1,
    data: '',
    hidden: null,
    prev: 0,
  }
  await before.events.insert([{ ...stone, type: TOMBSTONE }])
  await before.close()
  await db.collection('events').dropIndex('principal_message')
  const store = new MongoStore(options)
  await store.open()
  const names = (await db.collection('events').indexes()).map(({ name }) => name)
  expect(names).toContain('principal_message')
  await store.close()
})
