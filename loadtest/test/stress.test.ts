import { describe, expect, test } from 'vitest'
import { planOf } from '../src/stress/plan.ts'
import { stressTable } from '../src/stress/table.ts'
import { runProgram } from './runner.ts'

function stress(...args: string[]) {
  return runProgram('../src/stress/main.ts', { args })
}

describe('npm run stress', { timeout: 120_000 }, () => {
  test('LT8 runs a scenario against a server of its own, prints its line of the table and ends', async () => {
    const { code, out, err } = await stress('--players', '40', '--seconds', '2', '--only', 'chat')
    expect(code, out + err).toBe(0)
    const line =
      /^\| chat .*/m
        .exec(out)?.[0]
        .split('|')
        .map((cell) => cell.trim()) ?? []
    expect(line[2]).toBe('40')
    expect(line[4]).toMatch(/^[1-9]\d* heard\/s$/)
    expect(line.slice(9, 11)).toEqual(['0', 'hold'])
    expect(line[12]).toMatch(/^\d+ MiB$/)
    expect(out).toContain('- machine: ')
  })

  test.for([
    [['--players', 'many'], "'many'"],
    [['--players', '0'], "'0'"],
    [['--only', 'nothing'], "'nothing'"],
    [['--only', 'chat,nothing'], "'nothing'"],
    [['--vus', '3'], '--vus'],
  ] as const)('LT6 %j is refused', async ([args, text]) => {
    const { code, err } = await stress(...args)
    expect(err).toContain(text)
    expect(code).toBe(104)
  })
})

test('LT7 the plan has every scenario with each number of connections, and 100,000 commands from 100 once', () => {
  const runs = planOf({ players: [5_000, 10_000], seconds: 60, only: [] })
  expect(runs.map(({ scenario, players }) => `${scenario} ${players}`)).toEqual([
    'join-storm 5000',
    'idle 5000',
    'chat 5000',
    'join-storm 10000',
    'idle 10000',
    'chat 10000',
    'commands 100',
  ])
  expect(runs.at(-1)?.env).toMatchObject({ COMMANDS: '100000' })
})

test('LT7 a run with faults, or with a threshold that does not hold, shows in the table', () => {
  const [run] = planOf({ players: [10], seconds: 20, only: ['chat'] })
  if (!run) throw new Error('Expected a run')
  const counter = (count: number) =>
    ({ type: 'counter', contains: 'default', values: { count, rate: 0 } }) as const
  const table = stressTable([
    {
      run,
      exitCode: 99,
      server: { emptyBytes: 1024 ** 2, fullBytes: 0, cpuShare: 0.5 },
      summary: {
        metrics: { missing: counter(2), doubled: counter(1), heard: counter(4_000) },
        root_group: { name: '', checks: [] },
        state: { testRunDurationMs: 1 },
      },
    },
  ])
  const cells = table
    .split('\n')[2]
    ?.split('|')
    .map((cell) => cell.trim())
  expect(cells?.slice(4)).toEqual([
    '200 heard/s',
    '0',
    '0',
    '0',
    '0',
    '3',
    'FAIL',
    '50 %',
    '',
    '',
    '',
  ])
})
