import { command, defineGame, event, int, list, map, schema, str } from '@ringside/protocol'
import { describe, expectTypeOf, it } from 'vitest'
import type { ClientRoom, PlainSession } from '../src/index.ts'

const game = defineGame({
  commands: {
    start: command(0x0100, {}),
    hit: command(0x0101, { target: str(1) }, { reply: { score: int(1) } }),
  },
  rooms: {
    arena: {
      state: schema({
        players: map(1, schema({ name: str(1), tags: list(2, str()) })),
        round: int(2),
      }),
      events: { kill: event({ by: str(1) }) },
    },
  },
})

/** It is looked at by the compiler and never called. */
function room(room: ClientRoom<typeof game, 'arena'>, session: PlainSession<typeof game>): void {
  for (const sender of [room, session]) {
    sender.send('start', {})
    sender.send('hit', { target: 'x' })
    // @ts-expect-error -- it has no fields
    sender.send('start', { anything: 1 })
    // @ts-expect-error -- not this field
    sender.send('hit', { target: 'x', more: 1 })
    // @ts-expect-error -- not of this type
    sender.send('hit', { target: 1 })
    // @ts-expect-error -- no such command
    sender.send('jump', {})
    // @ts-expect-error -- it has no fields
    void sender.request('start', { anything: 1 })
    expectTypeOf(sender.request('start', {})).toEqualTypeOf<Promise<void>>()
    expectTypeOf(sender.request('hit', { target: '' })).toEqualTypeOf<Promise<{ score: number }>>()
    expectTypeOf(sender.rpc('start', {})).toEqualTypeOf<Promise<void>>()
  }
  // @ts-expect-error -- the state is the server's
  room.state.players = {}
  for (const player of Object.values(room.state.players)) {
    // @ts-expect-error -- all the way down
    player.name = 'x'
    // @ts-expect-error -- lists too
    player.tags.push('x')
    expectTypeOf(player.tags.map((tag) => tag.length)).toEqualTypeOf<number[]>()
  }
  // @ts-expect-error -- and maps
  delete room.state.players['x']
  room.onChange(
    (state) => state.players['x'],
    (player) => {
      // @ts-expect-error -- what a selector picks as well
      if (player) player.name = 'x'
    },
  )
  room.onAdd(
    (state) => state.players,
    (player, key) => {
      expectTypeOf(player.name).toEqualTypeOf<string>()
      expectTypeOf(key).toEqualTypeOf<string>()
      // @ts-expect-error -- an entry as well
      player.name = 'x'
    },
  )
  room.onRemove(
    // @ts-expect-error -- no map
    (state) => state.round,
    () => {},
  )
  room.on('kill', (payload) => expectTypeOf(payload).toEqualTypeOf<{ by: string }>())
}

describe('the types of a client', () => {
  it('PR15: commands take their payloads and nothing more', () => {
    expectTypeOf(room).toBeFunction()
  })
})
