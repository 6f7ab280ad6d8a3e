import { command, defineGame, event, int, list, map, num, schema, str } from '@ringside/protocol'

const Nested = schema({ name: str(1), sizes: list(2, int()) })

/** The game of the attacked server: text and numbers that come out again, and a typed command of the server's own. */
export const attackedGame = defineGame({
  commands: {
    typed: command(0x0020, { text: str(1), items: list(2, Nested), count: int(3) }),
    say: command(0x0021, { text: str(1, { max: 500 }) }, { reply: { text: str(1) } }),
    move: command(0x0022, { x: num(1) }, { reply: { x: num(1) } }),
  },
  rooms: {
    arena: {
      state: schema({
        said: str(1, { max: 2_000 }),
        players: map(2, schema({ name: str(1), x: num(2) })),
      }),
      events: { said: event({ by: str(1), text: str(2) }) },
    },
  },
})
