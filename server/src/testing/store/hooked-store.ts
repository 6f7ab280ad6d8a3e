import type { InsertOutcome, LogEvent, LogStore } from '../../outbox/contract/store.ts'
import { aroundStore } from './around-store.ts'
import type { StoreCall } from './around-store.ts'

/** Operations of a store that a test may delay or let fail. */
export type StoreOperation = 'allocate' | 'insert' | 'insertNext' | 'read' | 'write'

/** Where a test gets between: delays, failures, writes that land late, twice or in part. */
export interface StoreHooks {
  /** Awaited before each operation; what it throws is the operation's failure, and nothing was done. */
  before?(operation: StoreOperation): void | Promise<void>
  /** Awaited after each operation that succeeded; what it throws is the operation's failure, though it was done. */
  after?(operation: StoreOperation): void | Promise<void>
  /**
   * Stands in for each insert. `apply` does what the store would have done, now, with these events
   * or a prefix of them, as often as it is called.
   */
  insert?(
    events: readonly LogEvent[],
    apply: (events: readonly LogEvent[]) => Promise<InsertOutcome>,
  ): Promise<InsertOutcome>
}

const WRITES = new Set([
  'deleteThrough',
  'raiseFloor',
  'storeSealed',
  'save',
  'saveAll',
  'delete',
  'put',
])

/** A store of any kind with hooks; they may be changed while it is in use. */
export function hookedStore(store: LogStore, hooks: StoreHooks): LogStore {
  return aroundStore(store, (call) => {
    const operation = operationOf(call)
    if (operation === null) return call.run()
    if (operation === 'insert') return insert(hooks, store, call)
    if (operation === 'insertNext') return insertNext(hooks, store, call)
    return hooked(hooks, operation, call)
  })
}

function operationOf({ contract, method }: StoreCall): StoreOperation | null {
  if (
    contract === 'events' &&
    (method === 'allocate' || method === 'insert' || method === 'insertNext')
  )
    return method
  if (method === 'origin') return null
  return WRITES.has(method) ? 'write' : 'read'
}

async function hooked(
  hooks: StoreHooks,
  operation: StoreOperation,
  call: StoreCall,
): Promise<unknown> {
  if (hooks.before) await hooks.before(operation)
  const result = await call.run()
  if (hooks.after) await hooks.after(operation)
  return result
}

async function insert(hooks: StoreHooks, store: LogStore, call: StoreCall): Promise<InsertOutcome> {
  const [events] = call.args as [readonly LogEvent[]]
  try {
    if (hooks.before) await hooks.before('insert')
    const apply = (some: readonly LogEvent[]): Promise<InsertOutcome> => store.events.insert(some)
    const outcome = await (hooks.insert ? hooks.insert(events, apply) : apply(events))
    if (hooks.after) await hooks.after('insert')
    return outcome
  } catch (cause) {
    return { kind: 'unknown', cause }
  }
}

/** What fails before the transaction has numbers too: those of which nothing became. */
async function insertNext(
  hooks: StoreHooks,
  store: LogStore,
  call: StoreCall,
): Promise<InsertOutcome> {
  try {
    if (hooks.before) await hooks.before('insertNext')
  } catch (cause) {
    const [, make] = call.args as [number, (first: number) => unknown]
    make((await store.marks.counter()) + 1)
    return { kind: 'unknown', cause }
  }
  const outcome = (await call.run()) as InsertOutcome
  try {
    if (hooks.after) await hooks.after('insertNext')
    return outcome
  } catch (cause) {
    return { kind: 'unknown', cause }
  }
}
