import { command, defineGame, event, int, list, optional, schema, str } from '@ringside/protocol'
import type { EventsOf, PayloadOf, ReplyOf, StateOf } from '@ringside/protocol'
import { describe, expectTypeOf, it } from 'vitest'

const game = defineGame({
  commands: {
    start: command(0x0100, {}),
    say: command(0x0101, { text: str(1), loud: optional(int(2)) }, { cost: 2 }),
    hit: command(0x0102, { target: str(1) }, { reply: { score: int(1) } }),
    ask: command(0x0103, {}, { reply: { all: list(1, schema({ name: str(1) })) }, cost: 3 }),
  },
  rooms: {
    arena: { state: schema({ round: int(1) }), events: { kill: event({ by: str(1) }) } },
    empty: { state: schema({}) },
  },
})
type Commands = (typeof game)['commands']
type Rooms = (typeof game)['rooms']

describe('the types of a contract', () => {
  it('PR15: a reply is what is declared, and void where none is, inside of defineGame too', () => {
    const apart = command(0x0100, { text: str(1) })
    expectTypeOf<ReplyOf<typeof apart>>().toEqualTypeOf<void>()
    expectTypeOf<ReplyOf<Commands['start']>>().toEqualTypeOf<void>()
    expectTypeOf<ReplyOf<Commands['say']>>().toEqualTypeOf<void>()
    expectTypeOf<ReplyOf<Commands['hit']>>().toEqualTypeOf<{ score: number }>()
    expectTypeOf<ReplyOf<Commands['ask']>>().toEqualTypeOf<{ all: { name: string }[] }>()
  })

  it('PR15: a payload is what is declared; one without fields takes none', () => {
    expectTypeOf<PayloadOf<Commands['hit']>>().toEqualTypeOf<{ target: string }>()
    const anything = { anything: 1 }
    const none: PayloadOf<Commands['start']> = {}
    // @ts-expect-error -- it has no fields
    const some: PayloadOf<Commands['start']> = { anything: 1 }
    // @ts-expect-error -- the same by way of a variable
    const other: PayloadOf<Commands['start']> = anything
    void [none, some, other]
  })

  it('PR15: state and events have the types of their fields', () => {
    expectTypeOf<StateOf<Rooms['arena']>>().toEqualTypeOf<{ round: number }>()
    expectTypeOf<EventsOf<Rooms['arena']>>().toEqualTypeOf<{
      readonly kill: { by: string }
    }>()
    expectTypeOf<PayloadOf<Commands['say']>>().toEqualTypeOf<{
      text: string
      loud: number | undefined
    }>()
  })
})
