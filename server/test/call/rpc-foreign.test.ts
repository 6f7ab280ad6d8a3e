import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { num, schema, str } from '@ringside/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { findRpcClient } from '../../../scripts/rpc-client.mjs'
import { createServer, reject } from '../../src/index.ts'
import { testGame } from '../support/test-game.ts'

const script = fileURLToPath(new URL('foreign-client.py', import.meta.url))
const isCi = process.env['CI'] === 'true' || process.env['CI'] === '1'

/** The folder of the library, or null; with CI=true there is no leaving out. */
function foreignClient(): string | null {
  try {
    return findRpcClient()
  } catch (error) {
    if (isCi) throw error
    process.stderr.write(`the test with a foreign client is left out: ${String(error)}\n`)
    return null
  }
}

const library = foreignClient()

test.skipIf(library === null)(
  "JR15: python's jsonrpcclient is understood over HTTP and understands",
  async () => {
    const server = createServer(testGame)
    const operands = schema({ minuend: num(1), subtrahend: num(2) })
    server.rpc('subtract', operands, ({ minuend, subtrahend }) => minuend - subtrahend)
    server.rpc('greet', schema({ name: str(1) }), ({ name }) => `Hello ${name}`)
    server.rpc('deny', () => {
      throw reject('too_far', 'Too far away')
    })
    const port = await server.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => server.close())

    const { stdout } = await promisify(execFile)(
      'python3',
      [script, `http://127.0.0.1:${port}/rpc`],
      { env: { ...process.env, PYTHONPATH: library ?? '', PYTHONIOENCODING: 'utf-8' } },
    )
    const lines = stdout.trim().split('\n')
    const told = lines.map((line) => JSON.parse(line) as { ids: unknown; answers: unknown })
    const ids = told.map((line) => line.ids)
    const missing = { code: -32_601, message: 'Method not found', data: null }
    expect(told).toEqual([
      { status: 200, ids: ids[0], answers: { result: 19, id: ids[0] } },
      { status: 200, ids: ids[1], answers: { result: 19, id: ids[1] } },
      { status: 200, ids: ids[2], answers: { result: 0, id: ids[2] } },
      { status: 200, ids: ids[3], answers: { result: -1, id: ids[3] } },
      { status: 200, ids: ids[4], answers: { result: 'Hello Zoë 😀', id: ids[4] } },
      { status: 200, ids: ids[5], answers: { ...missing, id: ids[5] } },
      {
        status: 200,
        ids: ids[6],
        answers: {
          code: -32_000,
          message: 'Too far away',
          data: { code: 'too_far', retry: false },
          id: ids[6],
        },
      },
      {
        status: 200,
        ids: ids[7],
        answers: {
          code: -32_602,
          message: 'Invalid params',
          data: { code: 'invalid_payload', message: 'minuend: Expected a number' },
          id: ids[7],
        },
      },
      { status: 204, ids: null, answers: null },
      {
        status: 200,
        ids: ids[9],
        answers: [
          { result: 2, id: (ids[9] as unknown[])[0] },
          { ...missing, id: (ids[9] as unknown[])[2] },
          { result: 'Hello ', id: (ids[9] as unknown[])[3] },
        ],
      },
      { status: 204, ids: [null, null], answers: null },
    ])
    // The digits themselves, which a number of ours could not hold.
    expect(lines[1]).toContain('"id": 12345678901234567890}')
  },
)
