import { isPromise } from '../../src/process/promise.ts'
import { MemoryStore, MemoryTransport } from '../../src/index.ts'
import type {
  Connection,
  HttpRequest,
  ListenAddress,
  LogEvent,
  LogStore,
  Snapshot,
  StoredCheckpoint,
  TransportHandlers,
  TransportOptions,
} from '../../src/index.ts'
import { overrideStore } from '../../src/testing/index.ts'
import type { StoreMembers } from '../../src/testing/index.ts'

/** A contract of the store that is broken in one place. */
export interface BrokenStore {
  readonly part: 'checkpoints' | 'clock' | 'events' | 'marks' | 'records' | 'rooms' | 'snapshots'
  readonly what: string
  /** A part of the title of a test that must fail. */
  readonly seenBy: string
  change(store: LogStore): StoreMembers
}

const BEYOND = Number.MAX_SAFE_INTEGER

export const brokenStores: readonly BrokenStore[] = [
  {
    part: 'events',
    what: 'insert keeps nothing and says that it did',
    seenBy: 'inserts in order',
    change: () => ({ events: { insert: () => Promise.resolve({ kind: 'stored' }) } }),
  },
  {
    part: 'events',
    what: 'insert does not say that a place is taken',
    seenBy: 'stops at a taken seq',
    change: ({ events }) => ({
      events: {
        insert: async (some) => {
          await events.insert(some)
          return { kind: 'stored' }
        },
      },
    }),
  },
  {
    part: 'events',
    what: 'insertNext is two steps',
    seenBy: 'in one step, or does nothing',
    change: ({ events }) => ({
      events: {
        insertNext: async (count, make) => events.insert(make(await events.allocate(count))),
      },
    }),
  },
  {
    part: 'events',
    what: 'range begins with its start',
    seenBy: 'exclusive start',
    change: ({ events }) => ({
      events: { range: (query) => events.range({ ...query, after: query.after - 1 }) },
    }),
  },
  {
    part: 'events',
    what: 'range knows no bytes',
    seenBy: 'a page ends with the event',
    change: ({ events }) => ({
      events: { range: ({ maxBytes: _ignored, ...query }) => events.range(query) },
    }),
  },
  {
    part: 'events',
    what: 'range is never bare',
    seenBy: 'a bare page',
    change: ({ events }) => ({
      events: { range: (query) => events.range({ ...query, isBare: false }) },
    }),
  },
  {
    part: 'events',
    what: 'the last event of a room is its first',
    seenBy: 'with the greatest n',
    change: ({ events }) => ({ events: { lastOfRoom: (room) => events.byRoomN(room, 1) } }),
  },
  {
    part: 'events',
    what: 'deleteThrough deletes nothing',
    seenBy: 'deletes through a seq',
    change: () => ({ events: { deleteThrough: () => Promise.resolve(0) } }),
  },
  {
    part: 'events',
    what: 'messages lose their names',
    seenBy: 'gives a message back',
    change: ({ events }) => ({
      events: {
        insert: (some) => events.insert(some.map(({ message: _lost, ...event }) => event)),
      },
    }),
  },
  {
    part: 'events',
    what: 'a message id may be used twice',
    seenBy: 'whose id its principal has used',
    change: ({ events }) => ({
      events: {
        insert: async (some) => {
          const outcome = await events.insert(some)
          const isTaken = outcome.kind === 'blocked' && outcome.blocking?.message !== undefined
          return isTaken ? { kind: 'stored' } : outcome
        },
      },
    }),
  },
  {
    part: 'events',
    what: 'what blocks a message is not found',
    seenBy: 'and names the first one',
    change: ({ events }) => ({
      events: {
        insert: async (some) => {
          const outcome = await events.insert(some)
          if (outcome.kind !== 'blocked') return outcome
          return { ...outcome, blocking: await events.bySeq(some[outcome.index]?.seq ?? 0) }
        },
      },
    }),
  },
  {
    part: 'events',
    what: 'a message is looked for before the number',
    seenBy: 'comes before a taken id',
    change: ({ events }) => ({
      events: {
        insert: async (some) => {
          const outcome = await events.insert(some)
          if (outcome.kind !== 'blocked') return outcome
          const message = some[outcome.index]?.message
          const known = message && (await events.byMessageId(message.principal, message.messageId))
          return known ? { ...outcome, blocking: known } : outcome
        },
      },
    }),
  },
  {
    part: 'events',
    what: 'an id is unique for all principals',
    seenBy: 'nothing of a principal runs into it',
    change: ({ events }) => {
      const one = (event: LogEvent): LogEvent =>
        event.message ? { ...event, message: { ...event.message, principal: 'all' } } : event
      return { events: { insert: (some) => events.insert(some.map(one)) } }
    },
  },
  {
    part: 'events',
    what: 'a transaction takes two messages with one id',
    seenBy: 'by its own events',
    change: ({ events }) => ({
      events: {
        insertNext: async (count, make) => {
          let isDouble = false
          const outcome = await events.insertNext(count, (first) => {
            const some = make(first)
            const ids = some.flatMap((event) => event.message?.messageId ?? [])
            isDouble = new Set(ids).size < ids.length
            return isDouble ? [] : some
          })
          return isDouble ? { kind: 'stored' } : outcome
        },
      },
    }),
  },
  {
    part: 'events',
    what: 'only one message of many is found',
    seenBy: 'many messages at once',
    change: ({ events }) => ({
      events: { byMessageIds: async (keys) => (await events.byMessageIds(keys)).slice(0, 1) },
    }),
  },
  {
    part: 'events',
    what: 'the id of a message outlives it',
    seenBy: 'takes no id any more',
    change: ({ events }) => {
      const known = new Map<string, LogEvent>()
      return {
        events: {
          insert: async (some) => {
            for (const event of some) if (event.message) known.set(event.message.messageId, event)
            return events.insert(some)
          },
          byMessageId: async (_principal, messageId) => known.get(messageId) ?? null,
        },
      }
    },
  },
  {
    part: 'marks',
    what: 'ranges overlap',
    seenBy: 'ranges that follow each other',
    change: ({ events }) => ({
      events: { allocate: async (count) => (await events.allocate(count)) - 1 },
    }),
  },
  {
    part: 'marks',
    what: 'a log begins at 0',
    seenBy: 'begins at its creation time',
    change: () => ({ marks: { origin: () => Promise.resolve(0) } }),
  },
  {
    part: 'marks',
    what: 'the watermark goes back',
    seenBy: 'only grow',
    change: () => {
      let sealed = 0
      return {
        marks: {
          sealed: () => Promise.resolve(sealed),
          storeSealed: async (seq) => {
            sealed = seq
          },
        },
      }
    },
  },
  {
    part: 'marks',
    what: 'the floor leaves the counter behind',
    seenBy: 'takes the counter along',
    change: () => ({ marks: { raiseFloor: async () => {} } }),
  },
  {
    part: 'snapshots',
    what: 'only that of the very seq is found',
    seenBy: 'at or below a seq',
    change: ({ snapshots }) => ({
      snapshots: {
        at: async (room, seq) => {
          const found = await snapshots.at(room, seq)
          return found?.seq === seq ? found : null
        },
      },
    }),
  },
  {
    part: 'snapshots',
    what: 'the newest is deleted with the older ones',
    seenBy: 'deletes older ones',
    change: ({ snapshots }) => ({
      snapshots: {
        delete: (cuts) =>
          snapshots.delete(cuts.map(({ room, below }) => ({ room, below: below + 1 }))),
      },
    }),
  },
  {
    part: 'snapshots',
    what: 'of many one is saved',
    seenBy: 'many rooms at once',
    change: ({ snapshots }) => ({
      snapshots: { saveAll: (some) => snapshots.saveAll(some.slice(0, 1)) },
    }),
  },
  {
    part: 'snapshots',
    what: 'all are given at once',
    seenBy: 'no more at once than was asked for',
    change: ({ snapshots }) => ({
      snapshots: { of: (places) => snapshots.of(places, BEYOND) },
    }),
  },
  {
    part: 'snapshots',
    what: 'the first of one point stays',
    seenBy: 'again replaces it',
    change: ({ snapshots }) => ({
      snapshots: {
        save: async (snapshot: Snapshot) => {
          const found = await snapshots.at(snapshot.room, snapshot.seq)
          if (found?.seq !== snapshot.seq) await snapshots.save(snapshot)
        },
      },
    }),
  },
  {
    part: 'rooms',
    what: 'the oldest of the ended ones come first',
    seenBy: 'the newest ended ones',
    change: ({ rooms }) => ({
      rooms: { ended: async (limit) => (await rooms.ended(limit)).reverse() },
    }),
  },
  {
    part: 'rooms',
    what: 'the last to write wins',
    seenBy: 'replaces none that is newer',
    change: ({ rooms }) => {
      let revision = 0
      return {
        rooms: { save: (record) => rooms.save({ ...record, revision: ++revision, epoch: 1 }) },
      }
    },
  },
  {
    part: 'checkpoints',
    what: 'a checkpoint goes back',
    seenBy: 'only grows',
    change: () => {
      const kept = new Map<string, StoredCheckpoint>()
      return {
        checkpoints: {
          save: async (some) => {
            for (const { clientId, feedName, seq, selection } of some)
              kept.set(`${clientId} ${feedName}`, { seq, selection })
          },
          of: (clientId, feedName) => Promise.resolve(kept.get(`${clientId} ${feedName}`) ?? null),
        },
      }
    },
  },
  {
    part: 'records',
    what: 'a write does not look at the version',
    seenBy: 'over no other',
    change: ({ records }) => ({
      records: {
        put: async (write) =>
          records.put({ ...write, ifVersion: (await records.get(write.key))?.version ?? 0 }),
      },
    }),
  },
  {
    part: 'records',
    what: 'a deletion does not look at the version',
    seenBy: 'deletes the version that was seen',
    change: ({ records }) => ({
      records: {
        delete: async (key) => records.delete(key, (await records.get(key))?.version ?? 1),
      },
    }),
  },
  {
    part: 'records',
    what: 'nothing expires',
    seenBy: 'an expired record',
    change: ({ records }) => ({
      records: { put: ({ expiresAt: _ignored, ...write }) => records.put(write) },
    }),
  },
  {
    part: 'records',
    what: 'a page has no order',
    seenBy: 'in the order of the keys',
    change: ({ records }) => ({
      records: {
        list: async (query) => {
          const page = await records.list(query)
          return { ...page, records: page.records.toReversed() }
        },
      },
    }),
  },
  {
    part: 'records',
    what: 'any key will do',
    seenBy: 'refuses what is out of bounds',
    change: ({ records }) => ({
      records: { get: (key) => records.get(key).catch(() => null) },
    }),
  },
  {
    part: 'clock',
    what: 'it goes back',
    seenBy: 'does not go back',
    change: () => {
      let now = 1_700_000_000_000
      return { clock: { now: () => now-- } }
    },
  },
  {
    part: 'clock',
    what: 'it has parts of a ms',
    seenBy: 'whole ms',
    change: () => ({ clock: { now: () => performance.now() + 0.5 } }),
  },
]

export const brokenWakes: readonly Omit<BrokenStore, 'part'>[] = [
  {
    what: 'it wakes nobody',
    seenBy: 'wakes its subscribers',
    change: () => ({ wake: { subscribe: () => () => {} } }),
  },
  {
    what: 'who has left is woken',
    seenBy: 'until they leave',
    change: ({ wake }) => ({
      wake: {
        subscribe: (listener) => {
          wake.subscribe(listener)
          return () => {}
        },
      },
    }),
  },
]

export function storeOf({ change }: Pick<BrokenStore, 'change'>): Promise<LogStore> {
  const store = new MemoryStore()
  return Promise.resolve(overrideStore(store, change(store)))
}

/** A transport that is broken in one place: between itself and the server, or in a method of its own. */
export interface BrokenTransport {
  readonly what: string
  /** The rule whose test must fail. */
  readonly seenBy: string
  readonly handlers?: (handlers: TransportHandlers) => Partial<TransportHandlers>
  readonly connection?: (connection: Connection) => Partial<Connection>
  readonly transport?: Partial<MemoryTransport>
}

export const brokenTransports: readonly BrokenTransport[] = [
  {
    what: 'text arrives as bytes',
    seenBy: 'TR1 ',
    handlers: ({ message }) => ({
      message: (connection, bytes) => message(connection, bytes, true),
    }),
  },
  {
    what: 'a buffer is kept, and read later',
    seenBy: 'TR2 ',
    connection: (connection) => ({
      send: (frame) => {
        queueMicrotask(() => connection.send(frame))
        return 0
      },
    }),
  },
  {
    what: 'everybody is let in',
    seenBy: 'TR3 ',
    handlers: ({ upgrade }) => ({
      upgrade: (request) => {
        void upgrade(request)
        return { accept: true, protocol: null }
      },
    }),
  },
  {
    what: 'no subprotocol is echoed',
    seenBy: 'TR4 ',
    handlers: ({ upgrade }) => ({
      upgrade: (request) => {
        const decision = upgrade(request)
        return !isPromise(decision) && decision.accept ? { ...decision, protocol: null } : decision
      },
    }),
  },
  {
    what: 'the reason of a close is lost',
    seenBy: 'TR5 ',
    connection: (connection) => ({ close: (code) => connection.close(code, '') }),
  },
  {
    what: 'a close is told with another code',
    seenBy: 'TR7 ',
    handlers: ({ close }) => ({ close: (connection) => close(connection, 1006, '') }),
  },
  {
    what: 'a topic is not sent',
    seenBy: 'TR11 ',
    transport: { publish: () => {} },
  },
  {
    what: 'a query is lost',
    seenBy: 'TR14 ',
    handlers: ({ http }) => ({
      http: (request, response) =>
        http(replace(request, { query: new URLSearchParams() }), response),
    }),
  },
  {
    what: 'a body has no limit',
    seenBy: 'TR15 ',
    handlers: ({ http }) => ({
      http: (request, response) =>
        http(replace<HttpRequest>(request, { body: () => request.body(BEYOND) }), response),
    }),
  },
  {
    what: 'HEAD has a body',
    seenBy: 'TR17 ',
    handlers: ({ http }) => ({
      http: (request, response) =>
        http(
          request,
          replace(response, { send: (_, headers, body) => response.send(200, headers, body) }),
        ),
    }),
  },
  {
    what: 'the address is its own idea',
    seenBy: 'TR28 ',
    handlers: ({ upgrade }) => ({
      upgrade: (request) => upgrade(replace(request, { remoteAddress: '127.0.0.1' })),
    }),
  },
  {
    what: 'close leaves open what is open',
    seenBy: 'TR20 ',
    transport: { close: async () => {} },
  },
]

export function transportOf(broken: BrokenTransport, options: TransportOptions): MemoryTransport {
  const inner = new MemoryTransport(options)
  const listen = (address: ListenAddress, handlers: TransportHandlers): Promise<number> => {
    const own = new Map<Connection, Connection>()
    const seen = (connection: Connection): Connection => {
      const known = own.get(connection)
      if (known) return known
      const view = replace(connection, broken.connection?.(connection) ?? {})
      own.set(connection, view)
      return view
    }
    const bound: TransportHandlers = {
      upgrade: (request) => handlers.upgrade(request),
      open: (connection) => handlers.open(seen(connection)),
      message: (connection, bytes, isBinary) => handlers.message(seen(connection), bytes, isBinary),
      drain: (connection) => handlers.drain(seen(connection)),
      dropped: (connection) => handlers.dropped(seen(connection)),
      close: (connection, code, reason) => handlers.close(seen(connection), code, reason),
      http: (request, response) => handlers.http(request, response),
    }
    return inner.listen(address, { ...bound, ...broken.handlers?.(bound) })
  }
  return replace(inner, { listen, ...broken.transport })
}

/** The same object, with some members in the place of its own. */
function replace<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(members, key)) return members[key as keyof T]
      const member = target[key as keyof T]
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
    set: (_, key, value) => Reflect.set(target, key, value, target),
  })
}
