// The typed command of the dispatch benchmark has four fields in and four fields out, the same bytes.
const from = (path) => import(new URL(`../../protocol/dist/${path}`, import.meta.url).href)
const { command, defineGame, encodeMessage, f32, str, uint } = await from('index.js')

const fields = { x: f32(1), y: f32(2), tick: uint(3), name: str(4) }

export const typedGame = defineGame({ commands: { move: command(2, fields, { reply: fields }) } })

export const typedPayload = encodeMessage(typedGame.commands.move.payload, {
  x: 12.5,
  y: -3.25,
  tick: 123_456,
  name: 'Ada Lovelace',
})
