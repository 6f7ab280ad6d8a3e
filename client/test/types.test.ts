import { command, defineGame, event, int, map, schema, str } from '@ringside/protocol'
import { describe, expectTypeOf, it } from 'vitest'
import type { ClientRoom, PlainSession } from '../src/index.ts'

const game = defineGame({
  commands: {
    start: command(0x0100, {}),
    hit: command(0x0101, { target: str(1) }, { reply: { score: int(1) } }),
  },
  rooms: {
    arena: {
      state: schema({ players: map(1, schema({ name: str(1) })) }),
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
  room.on('kill', (payload) => expectTypeOf(payload).toEqualTypeOf<{ by: string }>())
}

describe('the types of a client', () => {
  it('PR15: commands take their payloads and nothing more', () => {
    expectTypeOf(room).toBeFunction()
  })
})
