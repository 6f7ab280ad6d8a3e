// Everybody joins at once: a seat by HTTP, a WebSocket, JOIN, until JOINED. They stay until all are in, then leave.
import { Counter, Trend } from 'k6/metrics'
import { delay, join } from './lib/player.js'
import {
  complain,
  eachPlayer,
  oneIterationEach,
  players,
  setting,
  type,
  url,
} from './lib/settings.js'

/** The joins begin at random within so many seconds; 0: all at once. */
const overSeconds = setting('OVER', 0)
/** Everybody leaves so many seconds after the start. */
const staySeconds = setting('STAY', 30)

const joinMs = new Trend('join_ms', true)
/** From the start of the run to JOINED: its maximum is when the last one is in. */
const joinedAfterMs = new Trend('joined_after_ms', true)
const joined = new Counter('joined')
const failed = new Counter('join_failed')
const lost = new Counter('connections_lost')

export const options = {
  scenarios: { 'join-storm': oneIterationEach(overSeconds + staySeconds + 60) },
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    joined: [`count==${players}`],
    join_failed: ['count==0'],
    connections_lost: ['count==0'],
    join_ms: [`p(99)<${setting('P99_MS', 20000)}`],
  },
}

export function setup() {
  return { begunAt: Date.now() }
}

/** @param {{ begunAt: number }} data */
export default async function joinStorm({ begunAt }) {
  await eachPlayer(async (name) => {
    await delay(Math.random() * overSeconds * 1000)
    const dialledAt = Date.now()
    try {
      const player = await join({ url, type, name })
      joinMs.add(Date.now() - dialledAt)
      joinedAfterMs.add(Date.now() - begunAt)
      joined.add(1)
      await delay(begunAt + staySeconds * 1000 - Date.now())
      if (!player.isOpen) lost.add(1)
      await player.leave()
    } catch (error) {
      failed.add(1)
      complain(error)
    }
  })
}
