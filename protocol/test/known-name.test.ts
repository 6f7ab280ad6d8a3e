import { expect, test } from 'vitest'
import { gotName, kindOf, nearestName, strangeMember } from '../src/index.ts'

const known = ['maxClients', 'maxRooms', 'tickHz', 'onTick', 'onJoin', 'onLeave']

test.each([
  ['maxClient', 'maxClients'],
  ['MAXCLIENTS', 'maxClients'],
  ['maxClinets', 'maxClients'],
  ['max_clients', 'maxClients'],
  ['maxRoom', 'maxRooms'],
  ['tickHZ', 'tickHz'],
  ['tikHz', 'tickHz'],
  ['ontick', 'onTick'],
  ['onLeft', null],
  ['color', null],
  ['', null],
  ['__proto__', null],
  ['x'.repeat(1_000_000), null],
])('the known name that is most like %.20s is %s', (name, nearest) => {
  expect(nearestName(name, known)).toBe(nearest)
})

test('a message says the nearest name, or only what came, cut to a bound', () => {
  expect(gotName('tickHZ', known)).toBe("got 'tickHZ': did you mean 'tickHz'?")
  expect(gotName('color', known)).toBe("got 'color'")
  expect(gotName('y'.repeat(10_000), known).length).toBeLessThan(100)
  expect(gotName(7, known)).toBe('got a number')
})

test.each([
  [null, 'null'],
  [undefined, 'undefined'],
  [[], 'an array'],
  [{}, 'an object'],
  ['secret', 'a string'],
  [() => {}, 'a function'],
])('a value is described by its kind, not by what it holds: %s', (value, kind) => {
  expect(kindOf(value)).toBe(kind)
})

test('an object of options has only members that are known, its own and inherited ones', () => {
  expect(strangeMember('an option', { tickHz: 1, color: undefined }, known)).toBeNull()
  expect(strangeMember('an option', Object.create({ tickHs: 1 }), known)).toBe(
    "Expected an option, got 'tickHs': did you mean 'tickHz'?",
  )
  for (const given of [null, undefined, 5, 'text', [1]])
    expect(strangeMember('an option', given, known)).toBe(
      `Expected an option in an object, got ${kindOf(given)}`,
    )
})
