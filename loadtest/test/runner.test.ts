import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { runRunner, scenarioFile } from './runner.ts'

/** These run the runner with its worker processes, compiled on the way. */
const timeout = 60_000
/** No server is needed by a scenario that dials none. */
const nowhere = ['--url', 'http://127.0.0.1:9']

describe('the runner', { timeout }, () => {
  test('LT5 a threshold that does not hold is exit code 99, and the summary says which', async () => {
    const { code, out, summary } = await runRunner([
      scenarioFile('failing'),
      '--workers',
      '2',
      ...nowhere,
    ])
    expect(code).toBe(99)
    expect(out).toContain('FAIL count==7')
    expect(out).toContain('ok   is a user: 6 of 6')
    expect(summary?.metrics['seen']).toMatchObject({
      values: { count: 6 },
      thresholds: { 'count==7': { ok: false } },
    })
    expect(summary?.metrics['seen{half:odd}']).toMatchObject({ values: { count: 6 } })
    expect(summary?.metrics['checks']?.thresholds).toEqual({ 'rate==1': { ok: true } })
  })

  test('LT3 setup, users, environment, tags, timers, teardown and handleSummary over two workers', async () => {
    const args = [scenarioFile('parts'), '--workers', '2', '-e', 'GIVEN=x=y', ...nowhere]
    const { code, out, err, summary } = await runRunner(args)
    expect(err).toBe('')
    expect(out).toBe('parts.js runs, workers: 2\nlate is 8\n')
    const failed = Object.entries(summary?.metrics ?? {}).flatMap(
      ([name, { thresholds = {}, values }]) =>
        Object.values(thresholds).every(({ ok }) => ok) ? [] : [[name, values]],
    )
    expect(failed).toEqual([])
    expect(code).toBe(0)
  })

  test('LT2 an iteration without an end is interrupted when the grace is over', async () => {
    const { code, summary } = await runRunner([scenarioFile('endless'), ...nowhere])
    expect(code).toBe(0)
    expect(summary?.metrics['iterations']).toBeUndefined()
  })

  test('LT5 a request on a kept connection that the server closes meanwhile is sent once more, on a new one', async () => {
    const seen = new WeakMap<Socket, number>()
    const paths: string[] = []
    const server = createServer((request, response) => {
      paths.push(request.url ?? '')
      const requests = (seen.get(request.socket) ?? 0) + 1
      seen.set(request.socket, requests)
      if (requests > 1 || request.url === '/never') request.socket.resetAndDestroy()
      else response.end('yes')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, out } = await runRunner([scenarioFile('requests'), '--url', url])
    server.closeAllConnections()
    server.close()
    expect(code, out).toBe(0)
    // The second is refused on the kept connection, and answered on one of its own.
    expect(paths).toEqual(['/first', '/second', '/second', '/never', '/never'])
  })

  test('LT8 an interrupted run ends with its workers and its server', async () => {
    const { code, err } = await runRunner(['idle', '-e', 'PLAYERS=20'], { interruptAt: 'runs' })
    expect(err).toContain('Interrupted')
    expect(code).toBe(105)
  })

  test.for([
    ['a setup that throws', [scenarioFile('throwing')], 107, 'no such luck'],
    ['what blocks', [scenarioFile('blocking')], 104, 'no sleep()'],
    ['a module that is not there', [scenarioFile('foreign')], 107, "does not have 'k6/x/sql'"],
    ['no scenario', [], 104, 'Expected one scenario or file'],
    ['an unknown one', ['nothing'], 104, "commands, idle, join-storm, got 'nothing'"],
    ['no number of workers', ['idle', '--workers', '0'], 104, "--workers from 1 to 64, got '0'"],
    ['an unknown flag', ['idle', '--vus', '3'], 104, '--vus'],
    ['a setting that is no number', ['idle', '-e', 'PLAYERS=many'], 107, "got 'many'"],
  ] as const)('LT6 %s is said, with the exit code of k6', async ([, args, exitCode, text]) => {
    const { code, err } = await runRunner([...args, ...nowhere])
    expect(err).toContain(text)
    expect(code).toBe(exitCode)
  })
})
