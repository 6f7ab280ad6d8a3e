// Some players send many commands, a few of each on their way at a time; each must be answered, in order.
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
import { numberOf, readFields, uintField } from './lib/wire.js'

/** Commands of all players together. */
const commands = setting('COMMANDS', 100000)
/** Commands of one player that may wait for their answers at a time. */
const window = setting('WINDOW', 16)
const each = Math.ceil(commands / players)
/** The commands begin so many seconds after the start, when everybody is in. */
const joinSeconds = setting('OVER', 3)
const ECHO = 0x0100

const answerMs = new Trend('answer_ms', true)
/** From the first command to a player's last answer. */
const tookMs = new Trend('took_ms', true)
const answered = new Counter('answered')
const wrong = new Counter('wrong_answers')
const outOfOrder = new Counter('out_of_order')
const failed = new Counter('failed')

export const options = {
  scenarios: { commands: oneIterationEach(300) },
  summaryTrendStats: ['avg', 'min', 'med', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    answered: [`count==${each * players}`],
    wrong_answers: ['count==0'],
    out_of_order: ['count==0'],
    failed: ['count==0'],
    answer_ms: [`p(99)<${setting('P99_MS', 1000)}`],
  },
}

export function setup() {
  return { begunAt: Date.now() }
}

/** @param {{ begunAt: number }} data */
export default async function sendCommands({ begunAt }) {
  const startAt = begunAt + joinSeconds * 1000
  await eachPlayer(async (name) => {
    try {
      const player = await join({ url, type, name })
      await delay(startAt - Date.now())
      let next = 0
      const sendNext = async () => {
        while (next < each) {
          const n = next++
          const sentAt = Date.now()
          const reply = await player.request(ECHO, uintField(1, n))
          answerMs.add(Date.now() - sentAt)
          answered.add(1)
          if (numberOf(readFields(reply), 1) !== n) wrong.add(1)
        }
      }
      const lanes = []
      for (let lane = 0; lane < window; lane++) lanes.push(sendNext())
      await Promise.all(lanes)
      tookMs.add(Date.now() - startAt)
      outOfOrder.add(player.outOfOrder)
      await player.leave()
    } catch (error) {
      failed.add(1)
      complain(error)
    }
  })
}
