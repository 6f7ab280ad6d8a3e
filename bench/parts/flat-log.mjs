// The log itself, without a server: takeovers of rooms with a history, and new events.
import { SystemClock, silentLogger } from '@ringside/server'
import { MongoStore } from '@ringside/server/mongo'
import { randomId } from '../../server/dist/process/ids.js'
import { checkLimits } from '../../server/dist/process/limits.js'
import { createOutbox } from '../../server/dist/outbox/create-outbox.js'

const handlers = {
  onFenced() {},
  onGivenUp() {},
  onWritable() {},
  onRefused() {},
  onSnapshotDue() {},
}
const PATCH = { type: 'patch', data: '{"players":{"p3":{"x":1.5,"y":12.25,"angle":1.5}}}' }
const ROOMS = 100
const EVENTS_TOGETHER = 1_000

/** Calls `use` with a running log over [uri, database]. */
export async function withLog([uri, database], use) {
  const clock = new SystemClock()
  const limits = checkLimits({ retentionMs: 1e12, retentionEvents: 1e9 })
  const store = new MongoStore({ uri, database, clock })
  const outbox = createOutbox(store, limits, { clock, logger: silentLogger, randomId })
  await outbox.start()
  try {
    return await use(outbox)
  } finally {
    await outbox.stop()
  }
}

/** Measures the ms of each takeover: marker, newest snapshot, the events after it. */
export async function takeovers(outbox, rooms) {
  const times = []
  for (const { id } of rooms) {
    const begun = performance.now()
    const log = await outbox.openRoom(id, { ...handlers })
    const { publicState, events } = await outbox.stateOf(log)
    times.push(performance.now() - begun)
    await log.close()
    if (!publicState.includes('"p9"') || events.length === 0)
      throw new Error(`Expected the state of room '${id}', got ${publicState}`)
  }
  return times
}

/** Opens new rooms that take events. */
export async function openRooms(outbox) {
  const logs = []
  while (logs.length < ROOMS)
    logs.push(await outbox.openRoom(randomId().slice(0, 12), { ...handlers }))
  return logs
}

/** Measures the ms until 1,000 events over all rooms are acknowledged. */
export async function appendTogether(logs, outbox) {
  const begun = performance.now()
  for (let index = 0; index < EVENTS_TOGETHER; index++)
    if (!logs[index % ROOMS].append(PATCH)) throw new Error('Expected room in the buffer')
  await Promise.all(logs.map((log) => log.durable()))
  const ms = performance.now() - begun
  // The log's reader follows in its own time.
  const end = await outbox.counter()
  while (outbox.sealed < end) await new Promise((resolve) => setTimeout(resolve, 20))
  return [ms]
}

/** Measures the ms of each event that is acknowledged before the next is written. */
export async function appendAlone(logs) {
  const times = []
  for (const log of logs) {
    const begun = performance.now()
    log.append(PATCH)
    await log.durable()
    times.push(performance.now() - begun)
  }
  return times
}
