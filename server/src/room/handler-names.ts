import type { Commands } from '@ringside/protocol'
import { gotName, kindOf } from '@ringside/protocol'
import { checkFunction, invalid } from '../process/argument.ts'
import type { RoomHandlers } from './definition.ts'
import type { LooseHandlers } from './type.ts'

/** What each member of a room's handlers is. The compiler holds the table to {@link RoomHandlers}. */
const members = {
  maxClients: 'number',
  maxMessagesPerSecond: 'number',
  tickHz: 'number',
  patchHz: 'number',
  logHz: 'number',
  delayMs: 'number',
  reconnectGraceMs: 'number',
  emptyTimeoutMs: 'number',
  whenLogIsFull: 'policy',
  archive: 'archive',
  onCreate: 'hook',
  onAuth: 'hook',
  onJoin: 'hook',
  onDrop: 'hook',
  onReconnect: 'hook',
  onLeave: 'hook',
  onTick: 'hook',
  onDispose: 'hook',
  onDrain: 'hook',
  onRestore: 'hook',
  onResume: 'hook',
  onError: 'hook',
  commands: 'commands',
} satisfies {
  readonly [K in keyof Required<RoomHandlers<unknown, unknown, Commands>>]:
    | 'number'
    | 'policy'
    | 'archive'
    | 'hook'
    | 'commands'
}

const memberNames = Object.keys(members) as (keyof typeof members)[]

/** What other frameworks, and habit, call them. */
const aliases = {
  maxPlayers: 'maxClients',
  maxSeats: 'maxClients',
  capacity: 'maxClients',
  tickRate: 'tickHz',
  fps: 'tickHz',
  patchRate: 'patchHz',
  delay: 'delayMs',
  autoDispose: 'emptyTimeoutMs',
  onMessage: 'commands',
  messages: 'commands',
  handlers: 'commands',
  onInit: 'onCreate',
  onUpdate: 'onTick',
  update: 'onTick',
  onConnect: 'onJoin',
  onDisconnect: 'onDrop',
  onClose: 'onDispose',
  onDestroy: 'onDispose',
  onPause: 'onResume',
  onShutdown: 'onDrain',
}

/**
 * Checks the names of a room's handlers, and that hooks and commands can be called: a wrong one would never run, and
 * nobody would be told (RM59). The numbers are checked where their defaults are.
 * @throws RingsideError option_invalid.
 */
export function checkHandlers(type: string, handlers: unknown): asserts handlers is LooseHandlers {
  if (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers))
    throw invalid(`Expected the handlers of room '${type}' in an object, got ${kindOf(handlers)}`)
  for (const name of Object.keys(handlers))
    if (!Object.hasOwn(members, name) && (handlers as Record<string, unknown>)[name] !== undefined)
      throw invalid(
        `Expected a handler or number of room '${type}', ${gotName(name, memberNames, aliases)}${
          aliases[name as keyof typeof aliases] === 'commands' ? COMMANDS_HINT : ''
        }`,
      )
  for (const name of memberNames) {
    const value = (handlers as Record<string, unknown>)[name]
    if (value === undefined) continue
    if (!Object.hasOwn(handlers, name))
      throw invalid(`Expected ${name} of room '${type}' in the object itself, got it inherited`)
    if (members[name] === 'hook') checkFunction(`${name} of room '${type}'`, value)
  }
  const { commands } = handlers as { readonly commands?: unknown }
  if (commands === undefined) return
  if (typeof commands !== 'object' || commands === null || Array.isArray(commands))
    throw invalid(`Expected the commands of room '${type}' in an object, got ${kindOf(commands)}`)
}

const COMMANDS_HINT = ' Each command of the contract has its own handler there, by its name'
