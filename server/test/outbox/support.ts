import { ManualClock } from '../../src/process/clock.ts'
import { silentLogger } from '../../src/process/logger.ts'
import type { Logger } from '../../src/process/logger.ts'
import { checkLimits } from '../../src/process/limits.ts'
import type { ServerLimits } from '../../src/process/limits.ts'
import { createOutbox } from '../../src/outbox/create-outbox.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import type { Outbox, RoomLogHandlers } from '../../src/outbox/contract/outbox.ts'
import type { LogEvent, LogStore } from '../../src/outbox/contract/store.ts'
import { hookedStore } from '../../src/testing/store/hooked-store.ts'
import type { StoreHooks } from '../../src/testing/store/hooked-store.ts'

export { everything, strange } from '../../src/testing/contracts/store/log-event.ts'
export { advance as pass, settle } from '../../src/testing/index.ts'
export { overrideStore } from '../../src/testing/store/around-store.ts'

/** Handlers that note what they were told. */
export function recordHandlers(): RoomLogHandlers & {
  readonly calls: string[]
  readonly causes: unknown[]
} {
  const calls: string[] = []
  const causes: unknown[] = []
  return {
    calls,
    causes,
    onFenced: () => void calls.push('fenced'),
    onGivenUp: () => void calls.push('given-up'),
    onWritable: () => void calls.push('writable'),
    onRefused: (cause) => {
      calls.push('refused')
      causes.push(cause)
    },
    onSnapshotDue: () => void calls.push('snapshot-due'),
  }
}

let ids = 0

export interface Rig {
  readonly clock: ManualClock
  readonly store: LogStore
  readonly outbox: Outbox
  /** Everything the tail has shown. */
  readonly shown: LogEvent[]
  readonly watermarks: number[]
}

/** A started outbox on a manual clock. */
export async function startRig(
  options: {
    readonly limits?: Partial<ServerLimits>
    readonly hooks?: StoreHooks
    readonly share?: Pick<Rig, 'clock' | 'store'>
    readonly wrap?: (store: LogStore) => LogStore
    readonly maxDelayMs?: () => number
    readonly logger?: Logger
  } = {},
): Promise<Rig> {
  const clock = options.share?.clock ?? new ManualClock()
  const memory = options.share?.store ?? new MemoryStore({ clock })
  const store = options.hooks ? hookedStore(memory, options.hooks) : memory
  const outbox = createOutbox(options.wrap?.(store) ?? store, checkLimits(options.limits ?? {}), {
    clock,
    logger: options.logger ?? silentLogger,
    randomId: () => `id-${++ids}`,
    ...(options.maxDelayMs ? { maxDelayMs: options.maxDelayMs } : {}),
  })
  const shown: LogEvent[] = []
  const watermarks: number[] = []
  outbox.onSealed((events, sealed) => {
    shown.push(...events)
    watermarks.push(sealed)
  })
  await outbox.start()
  return { clock, store, outbox, shown, watermarks }
}

export function patch(value: number): { type: string; data: string } {
  return { type: 'patch', data: `{"v":${value}}` }
}

/** A store that refuses what says 'bad', and what comes after it in one insert. */
export const refusesBad: StoreHooks = {
  insert: async (events, apply) => {
    const index = events.findIndex((event) => event.data.includes('bad'))
    const outcome = await apply(index < 0 ? events : events.slice(0, index))
    if (index < 0 || outcome.kind !== 'stored') return outcome
    return { kind: 'refused', index, cause: new Error('too big') }
  },
}
