import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { play } from '../src/client.ts'
import { createCounter } from '../src/server.ts'

it('CN15: the example plays against a real server: typed answer, refusal, event, raw command, feed', async () => {
  const server = createCounter()
  const port = await server.listen({ port: 0, host: '127.0.0.1' })
  const lines: string[] = []
  try {
    await play(`http://127.0.0.1:${port}`, (line) => lines.push(line))
  } finally {
    await server.close()
  }
  expect([...lines].sort()).toEqual(
    expect.arrayContaining([
      'everybody: hello',
      'player: Ada made it 10',
      'player: Expected 1 to 10',
      'player: asked, the answer is 4',
      'spectator: round {"by":"Ada","total":10}',
    ]),
  )
  expect(lines.some((line) => line.startsWith('player: the total is'))).toBe(true)
  expect(server.sessionCount).toBe(0)
})

it('CN15: server and client of the example stay under 40 lines', () => {
  for (const file of ['server.ts', 'client.ts']) {
    const text = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8')
    expect(text.split('\n').length, file).toBeLessThanOrEqual(41)
  }
})
