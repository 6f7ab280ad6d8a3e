import type { RoomDefinition } from '@ringside/protocol'
import type { SeatCommand } from '../call/call.ts'
import { checkMembers, invalid, shownNumber, shownText } from '../process/argument.ts'
import { RingsideError } from '../process/errors.ts'
import type { FullLogPolicy, RoomHandlers } from './definition.ts'

/** Handlers of any room; the types of state and commands are checked where they are registered. */
export interface LooseHandlers extends Omit<
  RoomHandlers<unknown, Record<string, unknown>, never>,
  'commands'
> {
  readonly commands?: Readonly<
    Record<string, (room: unknown, session: unknown, payload: unknown) => unknown>
  >
}

/** Handlers of commands by the place of the command in the contract; undefined where the type has none. */
export type CommandHandlers = readonly (SeatCommand | undefined)[]

/** One registered type of room, with the numbers checked and the defaults filled in. */
export interface RoomType {
  readonly name: string
  readonly definition: RoomDefinition
  readonly handlers: LooseHandlers
  /** The handlers of commands by the place of the command in the contract. */
  readonly commands: CommandHandlers
  readonly maxClients: number
  /** Null: no bound. */
  readonly maxMessagesPerSecond: number | null
  readonly tickHz: number
  readonly patchHz: number
  readonly logHz: number
  readonly delayMs: number
  readonly reconnectGraceMs: number
  readonly emptyTimeoutMs: number | null
  readonly whenLogIsFull: FullLogPolicy
  /** A match is kept in the archive for so long after its end, in ms; null: it is not archived. */
  readonly archiveMs: number | null
}

/**
 * Checks the numbers of a type of room and fills in the defaults.
 * @throws RingsideError option_invalid that names the option and the value.
 */
export function checkRoomType(
  name: string,
  definition: RoomDefinition,
  handlers: LooseHandlers,
): Omit<RoomType, 'commands'> {
  const { maxClients = 16, tickHz = 30, patchHz = 20, logHz = 10 } = handlers
  const { delayMs = 0, reconnectGraceMs = 20_000, emptyTimeoutMs = 10_000 } = handlers
  const type: Omit<RoomType, 'commands'> = {
    name,
    definition,
    handlers,
    maxClients: checkWhole('maxClients', maxClients, [1, 10_000]),
    maxMessagesPerSecond: checkOrNull(
      'maxMessagesPerSecond',
      handlers.maxMessagesPerSecond,
      [1, 1e6],
    ),
    tickHz: check('tickHz', tickHz, [0, 120]),
    patchHz: check('patchHz', patchHz, [0.1, 120]),
    logHz: check('logHz', logHz, [0.1, 120]),
    delayMs: check('delayMs', delayMs, [0, 3_600_000]),
    reconnectGraceMs: check('reconnectGraceMs', reconnectGraceMs, [0, 600_000]),
    emptyTimeoutMs:
      emptyTimeoutMs === null ? null : check('emptyTimeoutMs', emptyTimeoutMs, [0, 86_400_000]),
    whenLogIsFull: checkFullLogPolicy(handlers.whenLogIsFull),
    archiveMs: checkArchive(handlers.archive),
  }
  if (typeof handlers.onCreate !== 'function')
    throw new RingsideError('option_invalid', `Expected room '${name}' to have an onCreate`)
  if (type.logHz > type.patchHz)
    throw new RingsideError(
      'option_invalid',
      `Expected logHz within patchHz, got ${type.logHz} and ${type.patchHz}`,
    )
  return type
}

/** An event of a delayed room is kept for so long at least after spectators were shown it, in ms. */
const SHOWN_MS = 10_000

/** @throws RingsideError option_invalid when the log may be cut before spectators have seen it. */
export function checkDelay({ name, delayMs }: RoomType, retentionMs: number): void {
  if (delayMs + SHOWN_MS > retentionMs)
    throw new RingsideError(
      'option_invalid',
      `Expected delayMs of room '${name}' ${SHOWN_MS} below retentionMs, got ${delayMs} and ${retentionMs}`,
    )
}

/** @throws RingsideError option_invalid unless it is 'pause' (the default) or 'close'. */
export function checkFullLogPolicy(policy: FullLogPolicy = 'pause'): FullLogPolicy {
  if (policy === 'pause' || policy === 'close') return policy
  throw new RingsideError(
    'option_invalid',
    `Expected whenLogIsFull as 'pause' or 'close', got ${shownText(policy)}`,
  )
}

function checkArchive(archive: LooseHandlers['archive']): number | null {
  if (archive === undefined) return null
  checkMembers('a member of archive', archive, ['keepMs'])
  return checkWhole('keepMs of archive', archive.keepMs, [60_000, 1e12])
}

function checkOrNull(
  name: string,
  value: number | null | undefined,
  range: readonly [number, number],
): number | null {
  return value === undefined || value === null ? null : check(name, value, range)
}

function check(name: string, value: number, [min, max]: readonly [number, number]): number {
  if (typeof value !== 'number' || !(value >= min && value <= max))
    throw invalid(`Expected ${name} from ${min} to ${max}, got ${shownNumber(value)}`)
  return value
}

function checkWhole(name: string, value: number, range: readonly [number, number]): number {
  if (Number.isInteger(check(name, value, range))) return value
  throw invalid(`Expected ${name} as a whole number, got ${value}`)
}
