import { MongoClient } from 'mongodb'
import { TOMBSTONE } from '../../src/outbox/contract/store.ts'
import type { Load } from './rig.ts'

interface RawEvent {
  readonly _id: number
  readonly room?: string
  readonly n?: number
  readonly type: string
  readonly data: string
}

/** The stored events in order of seq, read with the driver alone: nothing of the log under test is in between. */
export async function readRaw(uri: string, database: string): Promise<RawEvent[]> {
  const client = await MongoClient.connect(uri)
  try {
    const events = client.db(database).collection<RawEvent>('events', {
      readConcern: { level: 'majority' },
    })
    return await events.find({}, { sort: { _id: 1 } }).toArray()
  } finally {
    await client.close()
  }
}

/** Removes a round's database. */
export async function dropRaw(uri: string, database: string): Promise<void> {
  const client = await MongoClient.connect(uri)
  try {
    await client.db(database).dropDatabase()
  } finally {
    await client.close()
  }
}

/** What is wrong with what is stored against what was accepted and acknowledged. */
export async function rawFaults(uri: string, database: string, load: Load): Promise<string[]> {
  const faults: string[] = []
  const byRoom = new Map<string, RawEvent[]>()
  let count = 0
  for (const event of await readRaw(uri, database)) {
    if (event.type === TOMBSTONE) continue
    count++
    const { room = '' } = event
    const events = byRoom.get(room)
    if (events) events.push(event)
    else byRoom.set(room, [event])
  }
  if (count !== load.acceptedCount) faults.push(`${count} stored of ${load.acceptedCount}`)
  for (const { room, accepted } of load.sources) {
    const stored = byRoom.get(room) ?? []
    const wrong = accepted.findIndex((data, i) => {
      return stored[i]?.n !== i + 1 || stored[i].data !== data
    })
    if (wrong >= 0) faults.push(`${room}: not stored as accepted at ${wrong + 1}`)
  }
  return faults
}
