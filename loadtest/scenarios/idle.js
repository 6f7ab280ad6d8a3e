// Everybody joins and says nothing; at the end each must still be there and get an answer.
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
import { uintField } from './lib/wire.js'

/** The joins begin at random within so many seconds. */
const overSeconds = setting('OVER', 10)
/** Each is silent from when it is in to so many seconds after the start. */
const idleSeconds = setting('IDLE', 60)
/** The answers at the end are asked for within so many seconds. */
const askSeconds = 5
const ECHO = 0x0100

const alive = new Counter('alive')
const lost = new Counter('connections_lost')
const answerMs = new Trend('answer_ms', true)

export const options = {
  scenarios: { idle: oneIterationEach(overSeconds + idleSeconds + 60) },
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    alive: [`count==${players}`],
    connections_lost: ['count==0'],
    answer_ms: [`p(99)<${setting('P99_MS', 1000)}`],
  },
}

export function setup() {
  return { begunAt: Date.now() }
}

/** @param {{ begunAt: number }} data */
export default async function idle({ begunAt }) {
  await eachPlayer(async (name) => {
    await delay(Math.random() * overSeconds * 1000)
    try {
      const player = await join({ url, type, name })
      const until = begunAt + (idleSeconds + Math.random() * askSeconds) * 1000
      await delay(until - Date.now())
      const askedAt = Date.now()
      await player.request(ECHO, uintField(1, 1))
      answerMs.add(Date.now() - askedAt)
      alive.add(1)
      await delay(begunAt + (idleSeconds + askSeconds) * 1000 - Date.now())
      await player.leave()
    } catch (error) {
      lost.add(1)
      complain(error)
    }
  })
}
