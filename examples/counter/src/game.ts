import { command, defineGame, event, int, map, schema, str } from '@ringside/protocol'

const Player = schema({ name: str(1), added: int(2) })

/** The contract: written once, imported by server and client. */
export const game = defineGame({
  commands: { add: command(0x0100, { by: int(1) }, { reply: { total: int(1) } }) },
  rooms: {
    counter: {
      state: schema({ players: map(1, Player), total: int(2) }),
      events: { round: event({ by: str(1), total: int(2) }) },
    },
  },
})
