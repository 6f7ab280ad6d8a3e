import { expect, test } from 'vitest'
import { ManualClock } from '../../src/process/clock.ts'
import { FailureLog } from '../../src/process/failure-log.ts'

/** A log, and its lines. */
function make() {
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = []
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields: fields as Record<string, unknown>, message })
  const clock = new ManualClock()
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { lines, clock, log: new FailureLog(logger, clock) }
}

const bugOf = (text: string): Error => new Error(text)
const otherBugOf = (text: string): Error => new Error(text)

test('CA12 a hundred failures of a kind at one place are one line, and later a count', () => {
  const { log, lines, clock } = make()
  for (let index = 0; index < 100; index++)
    log.error('hit', [{ sessionId: `s${index}`, err: bugOf(`text ${index}`) }, 'Failed'])
  expect(lines).toMatchObject([{ level: 'error', fields: { sessionId: 's0' }, message: 'Failed' }])
  clock.advance(59_999)
  log.error('hit', [{ err: bugOf('x') }, 'Failed'])
  expect(lines).toHaveLength(1)
  clock.advance(1)
  log.error('hit', [{ sessionId: 'again', err: bugOf('x') }, 'Failed'])
  expect(lines.slice(1)).toEqual([
    {
      level: 'error',
      message: 'Failed: more like it',
      fields: { place: 'hit', kind: expect.stringContaining('Error at ') as string, more: 100 },
    },
    {
      level: 'error',
      message: 'Failed',
      fields: { sessionId: 'again', err: expect.any(Error) as Error },
    },
  ])
  expect(clock.pendingCount).toBe(0)
})

test('CA12 another place, another error, another origin and another message are other kinds', () => {
  const { log, lines } = make()
  const first = bugOf('x')
  log.error('hit', [{ err: first }, 'Failed'])
  log.error('buy', [{ err: first }, 'Failed'])
  log.error('hit', [{ err: Object.assign(bugOf('x'), { name: 'Other' }) }, 'Failed'])
  log.error('hit', [{ err: otherBugOf('x') }, 'Failed'])
  log.error('hit', [{ err: first }, 'Failed late'])
  log.error('hit', [{ err: 'text' }, 'Failed'])
  log.warn('hit', [{}, 'Late'])
  expect(lines).toHaveLength(7)
})

test('CA12 the text of an error is no part of its kind, whatever stands in it', () => {
  const { log, lines } = make()
  for (let index = 0; index < 20; index++) {
    log.error('hit', [{ err: bugOf(`\n    at made-up-${index} (x:1:1)`) }, 'Failed'])
    const changed = otherBugOf(`\n    at made-up-${index} (x:1:1)`)
    changed.message = 'changed'
    log.error('hit', [{ err: changed }, 'Failed'])
    log.error('hit', [{ err: `text ${index}` }, 'Failed'])
  }
  expect(lines).toHaveLength(3)
})

test('CA12 what cannot even be looked at is logged too', () => {
  const { log, lines } = make()
  const evil = Object.defineProperty(new Error('x'), 'stack', {
    get() {
      throw new Error('no stack')
    },
  })
  log.error('hit', [{ err: evil }, 'Failed'])
  log.error('hit', [{ err: undefined }, 'Failed'])
  expect(lines).toHaveLength(2)
})

test('CA12 the kinds are bounded: the first one makes room and its count is told', () => {
  const { log, lines } = make()
  log.error('first', [{}, 'Failed'])
  log.error('first', [{}, 'Failed'])
  for (let index = 0; index < 500; index++) log.error(`place ${index}`, [{}, 'Failed'])
  expect(lines.filter(({ fields }) => fields['more'] === 1)).toMatchObject([
    { fields: { place: 'first' } },
  ])
  log.error('first', [{}, 'Failed'])
  expect(lines).toHaveLength(503)
})

test('CA12 flush tells the counts that are left', () => {
  const { log, lines } = make()
  for (let index = 0; index < 3; index++) log.warn('hit', [{}, 'Late'])
  log.warn('buy', [{}, 'Late'])
  log.flush()
  log.flush()
  expect(lines.slice(2)).toEqual([
    {
      level: 'warn',
      message: 'Late: more like it',
      fields: { place: 'hit', kind: 'undefined', more: 2 },
    },
  ])
})
