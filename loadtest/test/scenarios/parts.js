// Shows what a scenario file sees: setup's data, its users, a summary of its own, and that iterations outlast their function.
import { Counter, Gauge, Rate, Trend } from 'k6/metrics'
import { clearInterval, setInterval, setTimeout } from 'k6/timers'

const late = new Counter('late')
const users = new Trend('users')
const level = new Gauge('level')
const halves = new Rate('halves')
const tornDown = new Counter('torn_down')

export const options = {
  scenarios: {
    first: {
      executor: 'per-vu-iterations',
      vus: 4,
      iterations: 2,
      exec: 'body',
      env: { WHO: 'a' },
    },
    second: {
      executor: 'constant-vus',
      vus: 2,
      duration: '100ms',
      exec: 'second',
      tags: { of: 'b' },
    },
  },
  thresholds: {
    late: ['count==8'],
    users: ['max==4', 'min==1'],
    'level{of:b}': ['value==5'],
    'halves{scenario:first}': ['rate==0.5'],
    torn_down: ['count==7'],
  },
}

export function setup() {
  return { seven: 7 }
}

/** @param {{ seven: number }} data */
export function body({ seven }) {
  if (seven !== 7 || __ENV.WHO !== 'a' || __ENV.GIVEN !== 'x=y')
    throw new Error('Not what was given')
  users.add(__VU)
  halves.add(__ITER)
  setTimeout(() => late.add(1), 10)
}

export async function second() {
  await new Promise((resolve) => {
    let left = 2
    const interval = setInterval(() => {
      if (--left > 0) return
      clearInterval(interval)
      resolve(undefined)
    }, 5)
  })
  if (__VU !== 5 && __VU !== 6) throw new Error(`Expected user 5 or 6, got ${__VU}`)
  level.add(5)
}

/** @param {{ seven: number }} data */
export function teardown({ seven }) {
  tornDown.add(seven)
}

/** @param {{ metrics: Record<string, { values: Record<string, number> }> }} summary */
export function handleSummary({ metrics }) {
  return { stdout: `late is ${metrics.late?.values.count}` }
}
