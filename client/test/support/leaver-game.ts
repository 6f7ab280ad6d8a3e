import { command, defineGame, int, schema } from '@ringside/protocol'

/** A game that ends what the programs of `let-go.test` hold. */
export const leaverGame = defineGame({
  commands: {
    ping: command(0x0100, {}, { reply: {} }),
    finish: command(0x0101, {}),
    hang: command(0x0102, {}, { reply: {} }),
  },
  rooms: { hall: { state: schema({ count: int(1) }) } },
})
