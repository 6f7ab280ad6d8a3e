import { expect, it } from 'vitest'
import { withoutRivals } from '../../../src/outbox/append/bound-events.ts'
import type { Bound } from '../../../src/outbox/append/bound-events.ts'
import type { LogEvent } from '../../../src/outbox/contract/store.ts'
import { strange } from '../support.ts'

function bound(seq: number, part: Partial<LogEvent>): Bound {
  return { event: strange({ seq, ...part }) } as Bound
}

function message(seq: number, principal: string, messageId: string): Bound {
  return bound(seq, { message: { topic: 'public', to: null, messageId, principal, trace: null } })
}

it.each([
  ['two messages of one id', [message(1, 'a', 'x'), message(2, 'b', 'x'), message(3, 'a', 'x')], 2],
  ['two events of one place', [bound(1, { room: 'r', n: 1 }), bound(2, { room: 'r', n: 1 })], 1],
  ['a place that is called as an id', [bound(1, { room: 'r', n: 1 }), message(2, '1', 'r')], 2],
  ['what has no place', [bound(1, {}), bound(2, {})], 2],
])('OB52 OB107 a transaction ends before the second of %s', (_what, some, count) => {
  expect(withoutRivals(some)).toEqual(some.slice(0, count))
})
