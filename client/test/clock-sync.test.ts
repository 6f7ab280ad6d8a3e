import { expect, test } from 'vitest'
import { ClockSync } from '../src/clock-sync.ts'

const HOUR_MS = 3_600_000

function rig() {
  const time = { now: 1_000_000, serverAheadMs: 5_000 }
  const sync = new ClockSync({ now: () => time.now, after: () => () => {} })
  /** A PING whose way there takes `thereMs` and whose PONG takes `backMs`. */
  const probe = (thereMs: number, backMs = thereMs): void => {
    const sent = time.now
    time.now += thereMs
    const serverTime = time.now + time.serverAheadMs
    time.now += backMs
    sync.sample(sent, serverTime)
    time.now += 2_000
  }
  return { time, sync, probe }
}

test('RM73 a server’s clock that was set is followed with the next PONG, however slow that is', () => {
  for (const stepMs of [HOUR_MS, -HOUR_MS, 2_000]) {
    const { time, sync, probe } = rig()
    for (let count = 0; count < 9; count++) probe(5)
    time.serverAheadMs += stepMs
    probe(80)
    expect(sync.offsetMs).toBe(5_000 + stepMs)
  }
})

test('RM73 a machine that slept has the server’s time with the next PONG', () => {
  const { time, sync, probe } = rig()
  for (let count = 0; count < 9; count++) probe(5)
  // Its own time stood still meanwhile.
  time.serverAheadMs += HOUR_MS
  probe(20)
  expect(sync.now() - (time.now + time.serverAheadMs)).toBe(0)
})

test('RM73 a round trip that is slow one way is no step: the quickest sample goes on counting', () => {
  const { sync, probe } = rig()
  probe(5)
  probe(400, 5)
  probe(5, 400)
  probe(2_000, 10)
  expect(sync.offsetMs).toBe(5_000)
})
