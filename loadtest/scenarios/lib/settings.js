// What `-e NAME=value` sets, for all scenarios.

/** Address of the server. */
export const url = __ENV.URL || 'http://127.0.0.1:8080'

/** Type of the rooms. */
export const type = __ENV.ROOM || 'load'

/**
 * A whole number from the environment.
 * @param {string} name
 * @param {number} fallback
 */
export function setting(name, fallback) {
  const text = __ENV[name]
  if (!text) return fallback
  if (!/^\d{1,9}$/.test(text)) throw new Error(`Expected ${name} as a whole number, got '${text}'`)
  return Number(text)
}

/** Players of the run. */
export const players = setting('PLAYERS', 100)

/** Players of one virtual user: one of k6's takes a megabyte and more, a socket takes little. */
export const playersPerUser = Math.min(players, setting('PLAYERS_PER_VU', 10))

/** @param {number} seconds How long an iteration may take. */
export function oneIterationEach(seconds) {
  return {
    /** @type {'per-vu-iterations'} */
    executor: 'per-vu-iterations',
    vus: Math.ceil(players / playersPerUser),
    iterations: 1,
    maxDuration: `${seconds}s`,
  }
}

/**
 * Runs a body for each player of this virtual user, all at once.
 * @param {(name: string) => Promise<void>} body
 */
export async function eachPlayer(body) {
  const first = (__VU - 1) * playersPerUser
  const count = Math.min(playersPerUser, players - first)
  const all = []
  for (let index = 0; index < count; index++) all.push(body(`p${first + index}`))
  await Promise.all(all)
}

/** Errors that are printed: thousands that fail together say the same. */
const maxComplaints = 5
let complaints = 0

/**
 * Prints what went wrong, the first few times.
 * @param {unknown} error
 */
export function complain(error) {
  if (complaints++ < maxComplaints) console.error(String(error))
}
