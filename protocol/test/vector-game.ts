import {
  command,
  defineGame,
  event,
  int,
  list,
  map,
  num,
  quant,
  schema,
  str,
} from '@ringside/protocol'

const position = { step: 0.5 } as const
const Mine = schema({ x: quant(1, position) })

const Player = schema({
  name: str(1),
  x: quant(2, position),
  y: quant(3, position),
  score: int(4),
  mines: list(5, Mine, { audience: 'owner' }),
})

/** The game that the golden bytes in vectors.json were made with. */
export const game = defineGame({
  commands: { hit: command(0x0100, { target: str(1) }, { reply: { score: int(1) }, cost: 2 }) },
  rooms: {
    arena: {
      state: schema({ players: map(1, Player), endsAt: num(2) }),
      events: { kill: event({ by: str(1), whom: str(2) }) },
    },
  },
})
