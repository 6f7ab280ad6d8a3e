import { expect, test } from 'vitest'
import { AddressCount } from '../../src/limit/address-count.ts'
import { AddressRate } from '../../src/limit/address-rate.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { TooManyRequests } from '../../src/process/errors.ts'
import { LOOPBACK_ADDRESS } from '../../src/transport/contract.ts'

test('LI1 each address has its own count, and what is released may be held again', () => {
  const counts = new AddressCount(2)
  counts.add('10.0.0.1')
  expect(counts.isFull('10.0.0.1')).toBe(false)
  counts.add('10.0.0.1')
  expect([counts.isFull('10.0.0.1'), counts.isFull('10.0.0.2')]).toEqual([true, false])
  counts.release('10.0.0.1')
  expect(counts.isFull('10.0.0.1')).toBe(false)
})

test('LI1 an IPv6 network counts as one address', () => {
  const counts = new AddressCount(1)
  counts.add('2001:db8:1:2::1')
  expect(counts.isFull('2001:db8:1:2:ffff::9')).toBe(true)
  expect(counts.isFull('2001:db8:1:3::1')).toBe(false)
})

test('LI1 a release too many frees nothing that others hold', () => {
  const counts = new AddressCount(1)
  counts.release('10.0.0.1')
  counts.add('10.0.0.1')
  expect(counts.isFull('10.0.0.1')).toBe(true)
})

test('LI1, LI2 connections that never left the process are not counted', () => {
  const counts = new AddressCount(1)
  for (let index = 0; index < 5; index++) counts.add(LOOPBACK_ADDRESS)
  expect(counts.isFull(LOOPBACK_ADDRESS)).toBe(false)
  const rate = new AddressRate({ points: 1 }, new ManualClock())
  for (let index = 0; index < 5; index++) expect(rate.take(LOOPBACK_ADDRESS)).toBe(true)
})

test('LI2 each address has so many requests a second, then 429 with the rest of the second', () => {
  const clock = new ManualClock()
  const rate = new AddressRate({ points: 2 }, clock)
  rate.check('10.0.0.1')
  clock.advance(300)
  rate.check('10.0.0.1')
  expect(() => rate.check('10.0.0.1')).toThrow(TooManyRequests)
  expect(() => rate.check('10.0.0.1')).toThrow(
    expect.objectContaining({ code: 'too_many_requests', retryAfterSeconds: 1 }),
  )
  rate.check('10.0.0.2')
  clock.advance(700)
  rate.check('10.0.0.1')
})

test('LI2 whether there is anything left can be asked without a charge', () => {
  const clock = new ManualClock()
  const rate = new AddressRate({ points: 1 }, clock)
  for (let count = 0; count < 3; count++) rate.checkLeft('10.0.0.1')
  rate.take('10.0.0.1')
  expect(() => rate.checkLeft('10.0.0.1')).toThrow(TooManyRequests)
  rate.checkLeft('10.0.0.2')
  clock.advance(1_000)
  rate.checkLeft('10.0.0.1')
})

test('LI1 an address may hold many at a time', () => {
  const counts = new AddressCount(10)
  counts.add('10.0.0.1', 8)
  expect([counts.hasRoomFor('10.0.0.1', 2), counts.hasRoomFor('10.0.0.1', 3)]).toEqual([
    true,
    false,
  ])
  counts.release('10.0.0.1', 8)
  expect(counts.hasRoomFor('10.0.0.1', 10)).toBe(true)
})

test('LI2 a request may cost more than one', () => {
  const rate = new AddressRate({ points: 5 }, new ManualClock())
  expect([rate.take('a', 4), rate.take('a', 2), rate.take('b', 5)]).toEqual([true, false, true])
})

test('LI2 more addresses than are remembered make the count forgetful, not the map larger', () => {
  const rate = new AddressRate({ points: 1 }, new ManualClock())
  expect([rate.take('first'), rate.take('first')]).toEqual([true, false])
  for (let index = 0; index < 100_000; index++) rate.take(`10.${index}`)
  expect(rate.take('first')).toBe(true)
})
