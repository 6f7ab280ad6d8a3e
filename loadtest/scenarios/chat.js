// Everybody is in a room and says something now and then; everybody in the room must hear it, once and in order.
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
import { numberField, numberOf, readFields, textField, textOf } from './lib/wire.js'

/** The joins begin at random within so many seconds. */
const overSeconds = setting('OVER', 10)
/** Everybody talks from then on, for so many seconds. */
const talkSeconds = setting('TALK', 60)
/** Each says something once in so many seconds, at a random moment of them. */
const everySeconds = setting('EVERY', 20)
/** What was said last must have arrived within so many seconds. */
const settleSeconds = 5
const SAY = 0x0101

const heardMs = new Trend('heard_ms', true)
const answerMs = new Trend('answer_ms', true)
const said = new Counter('said')
const heard = new Counter('heard')
const ownHeard = new Counter('own_heard')
const missing = new Counter('missing')
const doubled = new Counter('doubled')
const failed = new Counter('failed')

const rounds = Math.max(1, Math.floor(talkSeconds / everySeconds))

export const options = {
  scenarios: { chat: oneIterationEach(overSeconds + talkSeconds + 90) },
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    said: [`count==${players * rounds}`],
    own_heard: [`count==${players * rounds}`],
    missing: ['count==0'],
    doubled: ['count==0'],
    failed: ['count==0'],
    heard_ms: [`p(99)<${setting('P99_MS', 1000)}`],
  },
}

export function setup() {
  return { begunAt: Date.now() }
}

/** @param {{ begunAt: number }} data */
export default async function chat({ begunAt }) {
  const talkAt = begunAt + overSeconds * 1000
  await eachPlayer(async (name) => {
    await delay(Math.random() * overSeconds * 1000)
    try {
      const player = await join({ url, type, name })
      player.onEvent = ({ payload }) => {
        const fields = readFields(payload)
        heard.add(1)
        heardMs.add(Math.max(0, Date.now() - numberOf(fields, 2)))
        if (textOf(fields, 1) === player.sessionId) ownHeard.add(1)
      }
      for (let round = 0; round < rounds; round++) {
        await delay(talkAt + (round + Math.random()) * everySeconds * 1000 - Date.now())
        const at = Date.now()
        await player.request(SAY, [...numberField(1, at), ...textField(2, `${name} says ${round}`)])
        answerMs.add(Date.now() - at)
        said.add(1)
      }
      await delay(talkAt + (rounds * everySeconds + settleSeconds) * 1000 - Date.now())
      missing.add(player.missing)
      doubled.add(player.doubled)
      await player.leave()
    } catch (error) {
      failed.add(1)
      complain(error)
    }
  })
}
