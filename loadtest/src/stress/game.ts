import { command, defineGame, event, map, num, schema, str, uint } from '@ringside/protocol'

const Player = schema({ name: str(1) })

/** The game that the scenarios play: an answer, and something to say to everybody in the room. */
export const loadGame = defineGame({
  commands: {
    echo: command(0x0100, { n: uint(1) }, { reply: { n: uint(1) } }),
    say: command(0x0101, { at: num(1), text: str(2, { max: 512 }) }, { reply: { n: uint(1) } }),
  },
  rooms: {
    load: {
      state: schema({ players: map(1, Player), said: uint(2) }),
      events: { said: event({ by: str(1), at: num(2), text: str(3) }) },
    },
  },
})
