import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PrometheusMetrics } from '../../src/process/metrics.ts'
import type { GaugeName } from '../../src/process/metrics.ts'

const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')

test('PR10: docs/operations.md explains every metric, and no other', async () => {
  const metrics = new PrometheusMetrics()
  // Gauges appear once somebody reads them: all that the server has.
  for (const file of ['server.ts', 'session/session-table.ts']) {
    const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
    for (const [, name = ''] of source.matchAll(/metrics\.gauge\('(\w+)'/g))
      metrics.gauge(name as GaugeName, () => 0)
  }
  const text = await metrics.text()
  const shown = [...text.matchAll(/^# TYPE ringside_(\w+)/gm)].map(([, name]) => name)
  const section = page.split(/^## /m).find((part) => part.startsWith('Metrics')) ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  const explained = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  )
  expect(new Set(explained)).toEqual(new Set(shown))
  expect(explained).toHaveLength(shown.length)
})
