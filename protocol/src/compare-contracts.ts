import type { MessageModel, MessageRole } from './message-model.ts'
import type { FieldModel } from './field-model.ts'
import { hex } from './print-proto.ts'

/** One change that somebody who still has the old contract, or its log, cannot live with. */
export interface BreakingChange {
  /** The place of the change, for example `HitCommand.target`. */
  readonly path: string
  readonly change: string
  readonly breaks: readonly Affected[]
}

/** `clients` were built with the old contract; `logs` were written with it. */
export type Affected = 'clients' | 'logs'

/** Those who read or write messages of this role with the old contract. */
const USERS: { readonly [R in MessageRole]: readonly Affected[] } = {
  system: ['clients'],
  command: ['clients'],
  reply: ['clients'],
  event: ['clients', 'logs'],
  state: ['clients', 'logs'],
  patch: ['clients'],
}

/** Messages that only the server writes: its old readers miss a field that is gone. */
const READ_BY_CLIENTS: ReadonlySet<MessageRole> = new Set([
  'system',
  'reply',
  'event',
  'state',
  'patch',
])

/**
 * Finds the changes in `next` that break those who still have `previous`. Additions never do: unknown fields are
 * skipped, missing ones read as their default. Empty when all is well.
 */
export function compareContracts(
  previous: readonly MessageModel[],
  next: readonly MessageModel[],
): BreakingChange[] {
  return compareFor(READ_BY_CLIENTS, previous, next)
}

/** The same, where messages of the roles `limited` are read by what takes no more than `previous` says. */
export function compareFor(
  limited: ReadonlySet<MessageRole>,
  previous: readonly MessageModel[],
  next: readonly MessageModel[],
): BreakingChange[] {
  const changes: BreakingChange[] = []
  const byKey = new Map(next.map((message) => [key(message), message]))
  for (const old of previous) {
    const now = byKey.get(key(old))
    const report = (path: string, change: string, breaks = USERS[old.role]): void => {
      changes.push({ path, change, breaks })
    }
    if (!now) {
      report(old.name, 'removed or renamed')
      continue
    }
    if (old.id !== now.id && old.id !== null)
      report(old.name, `id ${hex(old.id)} became ${now.id === null ? 'none' : hex(now.id)}`)
    const isLimited = limited.has(old.role) && old.role !== 'patch'
    compareFields({ path: old.name, role: old.role, isLimited, report }, old.fields, now.fields)
  }
  return changes
}

function key(message: MessageModel): string {
  return `${message.role} ${message.subject}`
}

interface Place {
  readonly path: string
  readonly role: MessageRole
  /** Its reader takes no more in a field than the earlier contract says. */
  readonly isLimited: boolean
  readonly report: (path: string, change: string, breaks?: readonly Affected[]) => void
}

function compareFields(
  place: Place,
  previous: readonly FieldModel[],
  next: readonly FieldModel[],
): void {
  const byNumber = new Map(next.map((field) => [field.number, field]))
  for (const old of previous) {
    const now = byNumber.get(old.number)
    const at = { ...place, path: `${place.path}.${old.name}` }
    if (!now) {
      // A command's field that is gone is skipped when an old client sends it.
      if (READ_BY_CLIENTS.has(place.role)) at.report(at.path, `field ${old.number} removed`)
      continue
    }
    compareField(at, old, now)
    // The columns of a patch follow from the state, which is compared by itself.
    if (old.fields && now.fields && place.role !== 'patch')
      compareFields(at, old.fields, now.fields)
  }
}

function compareField(place: Place, old: FieldModel, now: FieldModel): void {
  const { path, role, isLimited, report } = place
  // The feed, the log and JSON-RPC go by name; the binary wire goes by number.
  if (old.name !== now.name) report(path, `field ${old.number} renamed to '${now.name}'`)
  if (old.label !== now.label) report(path, `'${old.label}' became '${now.label}'`)
  const isObject = old.fields !== null
  if (old.names && now.names) compareNames(old.names, now.names, place)
  else if (isObject !== (now.fields !== null) || (!isObject && old.type !== now.type))
    report(path, `type '${old.type}' became '${now.type}'`)
  if (old.step !== now.step) report(path, `step ${old.step ?? 'none'} became ${now.step ?? 'none'}`)
  if (role === 'command' || role === 'state') {
    if (old.max !== null && now.max !== null && now.max < old.max)
      report(path, `max ${old.max} lowered to ${now.max}`, narrowed(role))
  }
  // A reader checks what it reads. The columns of a patch follow from the state.
  if (isLimited && (old.max ?? 0) < (now.max ?? 0))
    report(path, `max ${old.max} raised to ${now.max}`, ['clients'])
  // The log has a public and a hidden part: from one hidden audience to another nothing moves in it.
  if (old.audience !== now.audience && (old.audience === 'public' || now.audience === 'public'))
    report(path, `audience '${old.audience}' became '${now.audience}'`, ['logs'])
}

/** A name is its number on the wire and itself in the log, so that neither may move. Readers know no more names than theirs. */
function compareNames(
  old: readonly string[],
  now: readonly string[],
  { path, isLimited, report }: Place,
): void {
  const moved = old.findIndex((name, number) => now[number] !== name)
  if (moved >= 0)
    report(path, `'${old[moved]}' (${moved}) became ${now[moved] ? `'${now[moved]}'` : 'none'}`)
  else if (isLimited && now.length > old.length)
    report(path, `'${now[old.length]}' added to what may come`, ['clients'])
}

/** A lower limit refuses what old clients send, or what an old log holds. */
function narrowed(role: MessageRole): readonly Affected[] {
  return role === 'command' ? ['clients'] : ['logs']
}
