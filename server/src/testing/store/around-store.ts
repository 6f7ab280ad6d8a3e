import type { LogStore } from '../../outbox/contract/store.ts'

/** The contracts of a store whose members are all asynchronous. */
const CONTRACTS = ['events', 'marks', 'snapshots', 'rooms', 'checkpoints', 'records'] as const
type Contract = (typeof CONTRACTS)[number]

/** One call of a member of one contract. */
export interface StoreCall {
  readonly contract: Contract
  readonly method: string
  readonly args: readonly unknown[]
  /** Does what the store would have done, as often as it is called. */
  run(): Promise<unknown>
}

/** The store, with `around` in the place of each call: what it gives is what the caller gets. */
export function aroundStore(
  store: LogStore,
  around: (call: StoreCall) => Promise<unknown>,
): LogStore {
  const contracts: Partial<Record<string, object>> = {}
  for (const contract of CONTRACTS)
    contracts[contract] = new Proxy(store[contract], {
      get(target, method: string) {
        const member = target[method as keyof typeof target] as (
          ...args: unknown[]
        ) => Promise<unknown>
        return (...args: unknown[]) =>
          around({ contract, method, args, run: () => member.apply(target, args) })
      },
    })
  return withMembers(store, contracts)
}

/** Members of a store, and of its contracts, that take the place of its own. */
export type StoreMembers = {
  readonly [C in Contract | 'clock' | 'wake']?: Partial<LogStore[C]>
} & Partial<Omit<LogStore, Contract | 'clock' | 'wake'>>

/** The store with some of its members, and of those of its contracts, replaced. */
export function overrideStore(store: LogStore, members: StoreMembers): LogStore {
  const replaced: Record<string, unknown> = { ...members }
  for (const contract of [...CONTRACTS, 'clock', 'wake'] as const) {
    const some = members[contract]
    if (some) replaced[contract] = withMembers(store[contract], some)
  }
  return withMembers(store, replaced)
}

function withMembers<T extends object>(target: T, members: object): T {
  return new Proxy(target, {
    get(_target, key) {
      if (Object.hasOwn(members, key)) return members[key as keyof typeof members] as unknown
      const value = target[key as keyof T]
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
