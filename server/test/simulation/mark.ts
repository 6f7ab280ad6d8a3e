import { PATCH } from '../../src/outbox/contract/store.ts'
import type { LogEvent } from '../../src/outbox/contract/store.ts'
import type { NewEvent } from '../../src/outbox/contract/outbox.ts'

/** Steps that one state remembers; more than are ever folded into one patch. */
const MEMORY = 1_024

/** Which steps of which ownership an event carries. */
export interface Mark {
  readonly owner: number
  /** Ascending; a patch has several when patches were folded into it (OB7). */
  readonly steps: readonly number[]
}

/** A patch that says which step it is, so that folding it with others loses nothing. */
export function markedPatch(owner: number, step: number, isRefused: boolean): NewEvent {
  const data: Record<string, unknown> = { owner, s: { [step % MEMORY]: step } }
  if (isRefused) data['refuse'] = 1
  const hidden = step % 3 === 0 ? JSON.stringify({ hidden: step }) : null
  return { type: PATCH, data: JSON.stringify(data), hidden }
}

export function markedEvent(type: string, owner: number, step: number): NewEvent {
  return { type, data: JSON.stringify({ owner, step }) }
}

/** A message that says which call of `publish` has brought it. */
export function markedMessage(number: number, isRefused: boolean): NewEvent {
  return { type: 'news', data: JSON.stringify(isRefused ? { number, refuse: 1 } : { number }) }
}

/** The number of the call that has brought a message. */
export function numberOf({ data }: LogEvent): number {
  return (JSON.parse(data) as { readonly number: number }).number
}

/** null for what no game has written: markers and tombstones. */
export function readMark(event: LogEvent): Mark | null {
  if (!event.data.startsWith('{"owner"')) return null
  const data = JSON.parse(event.data) as {
    readonly owner: number
    readonly step?: number
    readonly s?: Readonly<Record<string, number>>
  }
  const steps = data.s ? Object.values(data.s).sort((a, b) => a - b) : [data.step ?? -1]
  return { owner: data.owner, steps }
}
