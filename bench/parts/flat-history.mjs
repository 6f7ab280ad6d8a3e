// A log with a history: documents as the store itself makes them, inserted straight into the collections.
import {
  toDocuments,
  toRoomDocument,
  toSnapshotDocument,
} from '../../server/dist/outbox/stores/mongo/documents.js'
import { collectionsOf } from '../../server/dist/outbox/stores/mongo/collections.js'

/** Every room has so many events. */
export const ROOM_EVENTS = 1_000
/** Rooms that run at the same time: their events take turns. Half of the newest of them are alive. */
export const ABREAST = 10
/** Time between two events of the log, in ms. */
export const EVENT_EVERY_MS = 10
/** A room's first snapshot is at this n, the next ones 200 apart: 100 events before its end at the least. */
const FIRST_SNAPSHOT = 100
const SNAPSHOT_EVERY = 200
/** The last n before a snapshot, whose state takes the most reading. */
export const BEFORE_SNAPSHOT = FIRST_SNAPSHOT + 3 * SNAPSHOT_EVERY - 1
const GENERATION = ROOM_EVENTS * ABREAST
const BATCH = 5_000
const INSERTS_AT_ONCE = 3

/**
 * Fills an opened store with `size` events (a multiple of 10,000) up to now. `rooms` are in order of time:
 * { id, isLive, seqOf(n) }.
 */
export async function fillHistory(store, db, size) {
  const first = await store.events.allocate(size)
  const endedAt = store.clock.now()
  const log = { first, begunAt: endedAt - size * EVENT_EVERY_MS }
  const rooms = []
  for (let at = 0; at < size; at += GENERATION)
    for (let lane = 0; lane < ABREAST; lane++)
      rooms.push(roomOf(first + at + lane, lane < ABREAST / 2 && at + GENERATION === size))
  // Inserts are not journalled one by one, for the checkpoint at the end keeps it all.
  const { events, snapshots, rooms: records } = collectionsOf(db)
  const quick = { ordered: false, writeConcern: { w: 1, j: false } }
  const underway = new Set()
  const insert = async (collection, documents) => {
    if (underway.size >= INSERTS_AT_ONCE) await Promise.race(underway)
    const work = collection.insertMany(documents, quick).finally(() => underway.delete(work))
    underway.add(work)
  }
  for (let at = 0; at < size; at += BATCH)
    await insert(
      events,
      toDocuments(Array.from({ length: BATCH }, (_, i) => eventAt(log, rooms, at + i))),
    )
  for (let from = 0; from < rooms.length; from += 100) {
    const some = rooms.slice(from, from + 100)
    await insert(snapshots, some.flatMap((room) => snapshotsOf(log, room)).map(toSnapshotDocument))
    await insert(
      records,
      some.map((room) => toRoomDocument(recordOf(log, room), endedAt)),
    )
  }
  await Promise.all(underway)
  await store.marks.storeSealed(first + size - 1)
  const count = await events.estimatedDocumentCount()
  if (count !== size) throw new Error(`Expected ${size} events, got ${count}`)
  await db.admin().command({ fsync: 1 })
  return { rooms, endedAt }
}

function roomOf(seq, isLive) {
  return {
    id: `room${seq.toString(36)}`,
    isLive,
    seqOf: (n) => seq + (n - 1) * ABREAST,
  }
}

function eventAt(log, rooms, index) {
  const generation = Math.floor(index / GENERATION)
  const room = rooms[generation * ABREAST + (index % ABREAST)]
  const n = Math.floor((index % GENERATION) / ABREAST) + 1
  // Every tenth event is the game's own, the others are patches.
  let type = n % 10 === 0 ? 'kill' : 'patch'
  if (n === ROOM_EVENTS && !room.isLive) type = 'end'
  const data = {
    patch: n === 1 ? stateJson(1) : patchJson(n),
    kill: '{"by":"p1","whom":"p2"}',
    end: '{}',
  }
  return {
    seq: log.first + index,
    room: room.id,
    n,
    epoch: 1,
    own: 'history-own1',
    type,
    at: atOf(log, log.first + index),
    data: data[type],
    hidden: null,
    prev: n % 10 === 1 && n > 1 ? n - 2 : n - 1,
  }
}

function snapshotsOf(log, room) {
  const snapshots = []
  for (let n = FIRST_SNAPSHOT; n <= ROOM_EVENTS; n += SNAPSHOT_EVERY)
    snapshots.push({
      room: room.id,
      n,
      seq: room.seqOf(n),
      epoch: 1,
      at: atOf(log, room.seqOf(n)),
      publicState: stateJson(n),
      hiddenState: null,
      runtime: '{"seed":1}',
    })
  return snapshots
}

function recordOf(log, room) {
  const facts = { type: 'match', seed: '1', delayMs: 0, isPrivate: false, isLive: room.isLive }
  return { ...facts, room: room.id, createdAt: atOf(log, room.seqOf(1)) }
}

function atOf(log, seq) {
  return log.begunAt + (seq - log.first) * EVENT_EVERY_MS
}

function stateJson(n) {
  const players = {}
  for (let index = 0; index < 10; index++)
    players[`p${index}`] = { x: index + 0.5, y: 12.25, angle: 1.5, score: n }
  return JSON.stringify({ players, round: 1 })
}

function patchJson(n) {
  const id = `p${n % 10}`
  return `{"players":{"${id}":{"x":${n + 0.5},"y":12.25,"angle":1.5},"p0":{"score":${n}}}}`
}
