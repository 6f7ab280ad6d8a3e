import { expect, test } from 'vitest'
import { readLocalAddresses } from '../src/local-addresses.ts'
import { durationMs, readOptions } from '../src/options.ts'

const base = {
  name: 'default',
  exec: 'default',
  startMs: 0,
  gracefulStopMs: 30_000,
  env: {},
  tags: {},
}

test.for([
  [undefined, { executor: 'shared-iterations', vus: 1, iterations: 1, maxDurationMs: 600_000 }],
  [
    { vus: 3, duration: '1m30s' },
    { executor: 'constant-vus', vus: 3, durationMs: 90_000 },
  ],
  [
    { vus: 3, iterations: 9 },
    { executor: 'shared-iterations', vus: 3, iterations: 9, maxDurationMs: 600_000 },
  ],
  [
    { stages: [{ duration: '10s', target: 5 }] },
    {
      executor: 'ramping-vus',
      startVus: 1,
      gracefulRampDownMs: 30_000,
      stages: [{ durationMs: 10_000, target: 5 }],
    },
  ],
] as const)('LT5 the shortcuts of options are one scenario, as in k6', ([given, scenario]) => {
  expect(readOptions(given).scenarios).toEqual([{ ...base, ...scenario }])
})

test('LT5 durations are those of k6', () => {
  expect(['1m30s', '500ms', '1.5s', '0', '1h', 250].map((text) => durationMs(text, 'x'))).toEqual([
    90_000, 500, 1_500, 0, 3_600_000, 250,
  ])
  for (const bad of ['', '5', 's', '1x', '-1s', -1, NaN, null, undefined, {}])
    expect(() => durationMs(bad, 'x'), JSON.stringify(bad)).toThrow('Expected x')
})

test.for([
  [{ scenarios: { a: { executor: 'constant-arrival-rate' } } }, "'constant-arrival-rate'"],
  [{ scenarios: { a: { executor: 'constant-vus', vus: 1 } } }, 'duration'],
  [{ scenarios: { a: { executor: 'constant-vus', vus: 1.5, duration: '1s' } } }, "'1.5'"],
  [{ scenarios: { a: { executor: 'per-vu-iterations', vus: -1 } } }, "'-1'"],
  [{ scenarios: { a: { executor: 'ramping-vus', stages: [] } } }, 'stages'],
  [{ scenarios: { a: { executor: 'ramping-vus', stages: [{ target: 1 }] } } }, 'duration'],
  [{ scenarios: {} }, 'one scenario'],
  [{ scenarios: [] }, 'scenarios'],
  [{ vus: 1e9, duration: '1s' }, 'vus'],
  [{ rps: 5 }, "'rps'"],
  [{ thresholds: { a: 'count<1' } }, 'list'],
  [{ thresholds: { a: [{ threshold: 'count<1', abortOnFail: true }] } }, 'abortOnFail'],
  [{ summaryTrendStats: ['p99'] }, 'summaryTrendStats'],
  [[], 'options'],
] as const)(
  'LT6 what the runner does not have, or cannot be, is refused by name: %j',
  ([given, text]) => {
    expect(() => readOptions(given)).toThrow(text)
  },
)

test('LT3 source addresses are given as to k6', () => {
  expect(readLocalAddresses('127.0.0.1-127.0.0.3, 10.0.0.255-10.0.1.0,::1')).toEqual([
    '127.0.0.1',
    '127.0.0.2',
    '127.0.0.3',
    '10.0.0.255',
    '10.0.1.0',
    '::1',
  ])
  for (const bad of [
    '',
    'a',
    '127.0.0.2-127.0.0.1',
    '1.1.1.1-',
    '0.0.0.0-255.255.255.255',
    '::1-::2',
  ])
    expect(() => readLocalAddresses(bad), bad).toThrow('Expected')
})
