import { isSchema, reviveState, schema } from '@ringside/protocol'
import type { Field, GameContract, RoomDefinition, Schema } from '@ringside/protocol'
import type { RoomType } from './client-types.ts'
import { checkOptions } from './argument-check.ts'
import type { OptionKinds } from './argument-check.ts'
import { feedKinds } from './feed/feed-options.ts'
import { createFeedState } from './feed/feed-state.ts'
import { FeedReader } from './feed/feed-reader.ts'
import type { Feed, FeedOptions, FeedRoomState, FeedTarget } from './feed/feed-types.ts'
import type { GameFeed, GameFeedOptions, GameFeedRoom } from './game-feed-types.ts'
import { checksArguments } from '#checks'

/**
 * Follows a feed until it ends, fails for good or is closed, and repairs breaks by itself. Handlers are
 * called in the order of the log, each event once, never within this call.
 * @throws TypeError on an address that is none.
 */
export function openFeed(target: FeedTarget, options?: FeedOptions): Feed
/**
 * The same for rooms of one type of a contract: states and events have its types and values, as players see them.
 * @throws TypeError on an address that is none, and unless `type` says which of the contract's rooms they are.
 */
export function openFeed<G extends GameContract, T extends RoomType<G> = RoomType<G>>(
  game: G,
  target: FeedTarget,
  options?: GameFeedOptions<G, T>,
): GameFeed<G, T>
export function openFeed(
  first: GameContract | FeedTarget,
  second: FeedTarget | FeedOptions = {},
  options: GameFeedOptions<GameContract, string> = {},
): Feed {
  if (typeof first === 'object' && 'commands' in first) {
    if (checksArguments) checkOptions('an option of openFeed', options, gameFeedKinds())
    const { type, ...rest } = options
    return openGameFeed(definitionOf(first, type), second as FeedTarget, rest)
  }
  checkOptions('an option of openFeed', second, feedKinds)
  return new FeedReader(first, second as FeedOptions)
}

/** A feed that is read by its contract has its own way to tell of states. */
function gameFeedKinds(): OptionKinds<GameFeedOptions<GameContract, string>> {
  const { onSnapshot: _snapshot, onPatch: _patch, state: _state, ...shared } = feedKinds
  return { ...shared, type: 'string', onState: 'function' }
}

function definitionOf({ rooms }: GameContract, type: string | undefined): RoomDefinition {
  const types = Object.keys(rooms)
  const only = type ?? (types.length === 1 ? types[0] : '') ?? ''
  const definition = Object.hasOwn(rooms, only) ? rooms[only] : undefined
  if (!definition) throw new TypeError(`Expected a type of ${types.join(', ')}, got '${only}'`)
  return definition
}

type AnyRoom = GameFeedRoom<GameContract, string>

function openGameFeed(
  definition: RoomDefinition,
  target: FeedTarget,
  { onState, onEvent, ...options }: Omit<GameFeedOptions<GameContract, string>, 'type'>,
): GameFeed<GameContract, string> {
  const shown = publicSchema(definition.state)
  const state = createFeedState()
  const revived = new WeakMap<FeedRoomState, AnyRoom>()

  /** Made when it is asked for, once for each change. */
  function roomOf(room: FeedRoomState): AnyRoom {
    const known = revived.get(room)
    if (known && known.n === room.n && known.hasEnded === room.hasEnded) return known
    const { n, at, hasEnded } = room
    const made = { n, at, hasEnded, state: reviveState(shown, room.state) } as AnyRoom
    revived.set(room, made)
    return made
  }

  function tellState({ room: id }: { readonly room: string }): void {
    const room = state.get(id)
    if (room) onState?.(roomOf(room).state, id)
  }

  const reader = new FeedReader(target, {
    ...options,
    state,
    onSnapshot: (data) => tellState(data),
    onPatch: (data) => tellState(data),
    onEvent(message) {
      if (message.type !== 'game') return onEvent?.(message as never)
      const { events = {} } = definition
      const event = Object.hasOwn(events, message.name) ? events[message.name] : undefined
      if (!event) return
      const data = { ...message.data, data: reviveState(event.payload, message.data.data) }
      onEvent?.({ ...message, data })
    },
  })
  return Object.assign(reader, {
    get(id?: string) {
      const room = state.get(id)
      return room && roomOf(room)
    },
  })
}

/** The schema without what is hidden, all the way down. A list has nothing hidden inside. */
function publicSchema(of: Schema): Schema {
  const fields: Record<string, Field> = {}
  for (const field of of.ordered) {
    const { name, kind, number, item, audience } = field
    if (audience !== 'public') continue
    const isOuter = kind === 'map' || kind === 'object'
    fields[name] =
      isOuter && item && isSchema(item) ? { ...field, number, item: publicSchema(item) } : field
  }
  return schema(fields)
}
