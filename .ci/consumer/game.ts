import { command, defineGame, event, int, map, schema, str } from '@ringside/protocol'

const Player = schema({ name: str(1), clicks: int(2) })

export const game = defineGame({
  commands: { add: command(0x0100, { by: int(1) }, { reply: { total: int(1) } }) },
  rooms: {
    counter: {
      state: schema({ total: int(1), players: map(2, Player) }),
      events: { added: event({ by: int(1), who: str(2) }) },
    },
  },
})
