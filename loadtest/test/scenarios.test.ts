import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { Summary } from '../src/summary.ts'
import { runRunner } from './runner.ts'

const folder = fileURLToPath(new URL('../scenarios', import.meta.url))
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.js'))
  .map((file) => [file, readFileSync(`${folder}/${file}`, 'utf8')] as const)

test.for(files)(
  'LT1 %s imports k6 and files beside it alone, and uses nothing that k6 lacks',
  ([, text]) => {
    const imported = [...text.matchAll(/from '([^']+)'/g)].map(([, name]) => name)
    expect(
      imported.filter(
        (name) => !/^(?:k6|k6\/(?:http|metrics|timers|websockets)|\.\.?\/.*\.js)$/.test(name ?? ''),
      ),
    ).toEqual([])
    const code = text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '')
    for (const foreign of [
      /\bimport\(/,
      /\brequire\(/,
      /\bsleep\(/,
      /\bhttp\.(?!asyncRequest)/,
      /\bprocess\./,
      /\bBuffer\b/,
      /\bTextEncoder\b/,
      /\bTextDecoder\b/,
      /\bperformance\b/,
      /\bfetch\(/,
      /\bnew URL\(/,
      /\bqueueMicrotask\b/,
      /\bstructuredClone\b/,
    ])
      expect(code).not.toMatch(foreign)
  },
)

test('LT1 every scenario has thresholds, one of which counts exactly what must come', () => {
  const scenarios = files.filter(([file]) => !file.startsWith('lib'))
  expect(scenarios.map(([file]) => file).sort()).toEqual([
    'chat.js',
    'commands.js',
    'idle.js',
    'join-storm.js',
  ])
  for (const [file, text] of scenarios) expect(text, file).toMatch(/\[`count==\$\{.*players.*\}`\]/)
})

/** Two workers and several source addresses, as in a long run. */
const small = ['--workers', '2', '--local-ips', '127.0.0.1-127.0.0.4', '-e', 'P99_MS=20000']

async function play(scenario: string, settings: Record<string, number>): Promise<Summary> {
  const env = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  const { code, out, err, summary } = await runRunner([scenario, ...small, ...env])
  expect(code, `${out}${err}`).toBe(0)
  if (!summary) throw new Error('Expected a summary')
  return summary
}

function count(summary: Summary, name: string): number {
  return summary.metrics[name]?.values['count'] ?? 0
}

describe('against a server of its own', { timeout: 120_000 }, () => {
  test('LT7 join-storm: everybody is in, and stays until all leave', async () => {
    const summary = await play('join-storm', { PLAYERS: 203, STAY: 8 })
    expect([count(summary, 'joined'), count(summary, 'ws_sessions')]).toEqual([203, 203])
  })

  test('LT7 idle: everybody is still there and gets an answer', async () => {
    const summary = await play('idle', { PLAYERS: 120, OVER: 1, IDLE: 3 })
    expect(count(summary, 'alive')).toBe(120)
  })

  test('LT7 chat: everybody hears all that is said in the room, once and in order', async () => {
    const summary = await play('chat', { PLAYERS: 120, OVER: 2, TALK: 4, EVERY: 2 })
    expect([count(summary, 'said'), count(summary, 'own_heard')]).toEqual([240, 240])
    // Who enters a room late does not hear what was said before.
    expect(count(summary, 'heard')).toBeGreaterThan(240 * 10)
    expect([count(summary, 'missing'), count(summary, 'doubled')]).toEqual([0, 0])
  })

  test('LT7 commands: each is answered, in order', async () => {
    const summary = await play('commands', { PLAYERS: 30, COMMANDS: 6_000 })
    expect(count(summary, 'answered')).toBe(6_000)
    expect(count(summary, 'wrong_answers') + count(summary, 'out_of_order')).toBe(0)
  })

  test('LT7 a server that refuses some is noticed', async () => {
    // There is no room of that type.
    const { code, err, summary } = await runRunner([
      'join-storm',
      ...small,
      '-e',
      'PLAYERS=20',
      '-e',
      'ROOM=none',
    ])
    expect(code).toBe(99)
    expect(err).toContain('404')
    expect(summary?.metrics['joined']?.thresholds).toEqual({ 'count==20': { ok: false } })
    expect(summary && count(summary, 'join_failed')).toBe(20)
  })
})
