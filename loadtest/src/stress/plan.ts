import { ROOM_PLAYERS } from './server.ts'

/** The scenarios that are run. */
export const SCENARIOS = ['join-storm', 'idle', 'chat', 'commands'] as const

/** One run of a scenario, and what of its summary goes into the table. */
export interface PlannedRun {
  readonly scenario: (typeof SCENARIOS)[number]
  readonly players: number
  readonly env: Readonly<Record<string, string>>
  /** The load, in words. */
  readonly what: string
  /** The counter whose rate is shown, what one of it is, and the seconds or the trend (its maximum) that it took. */
  readonly counted: {
    readonly counter: string
    readonly unit: string
    readonly over: number | string
  } | null
  /** The trend whose percentiles are shown. */
  readonly trend: string
}

/** Counters that count what must not be; each is 0 in a good run. */
export const FAULT_COUNTERS = [
  'join_failed',
  'connections_lost',
  'failed',
  'missing',
  'doubled',
  'wrong_answers',
  'out_of_order',
] as const

/** Players of the command scenario: it is about commands, not connections. */
const COMMAND_PLAYERS = 100
const COMMANDS = 100_000

export interface StressSizes {
  /** Numbers of connections, each of which every scenario but the commands is run with. */
  readonly players: readonly number[]
  /** Seconds of silence, and of talk. */
  readonly seconds: number
  /** These scenarios alone; all of them when there is none. */
  readonly only: readonly PlannedRun['scenario'][]
}

/** The runs of `npm run stress`, in their order. */
export function planOf({ players, seconds, only }: StressSizes): PlannedRun[] {
  const joinSeconds = (count: number): number => Math.max(5, Math.ceil(count / 250))
  const everySeconds = Math.min(20, seconds)
  const rounds = Math.floor(seconds / everySeconds)
  const runs = players.flatMap((count): PlannedRun[] => [
    {
      scenario: 'join-storm',
      players: count,
      env: { OVER: '0', STAY: String(Math.max(10, Math.ceil(count / 150))), P99_MS: '50000' },
      what: 'all at once: seat by HTTP, WebSocket, JOIN to JOINED',
      counted: { counter: 'joined', unit: 'joins', over: 'joined_after_ms' },
      trend: 'join_ms',
    },
    {
      scenario: 'idle',
      players: count,
      env: { OVER: String(joinSeconds(count)), IDLE: String(joinSeconds(count) + seconds) },
      what: `silent for ${seconds} s, then one command each within 5 s`,
      counted: null,
      trend: 'answer_ms',
    },
    {
      scenario: 'chat',
      players: count,
      env: {
        OVER: String(joinSeconds(count)),
        TALK: String(seconds),
        EVERY: String(everySeconds),
        P99_MS: '5000',
      },
      what: `rooms of ${ROOM_PLAYERS}, each says something every ${everySeconds} s; sent to heard`,
      counted: { counter: 'heard', unit: 'heard', over: rounds * everySeconds },
      trend: 'heard_ms',
    },
  ])
  runs.push({
    scenario: 'commands',
    players: COMMAND_PLAYERS,
    env: { COMMANDS: String(COMMANDS), P99_MS: '5000' },
    what: `${COMMANDS.toLocaleString('en-US')} commands, 16 of each player on their way; sent to answered`,
    counted: { counter: 'answered', unit: 'answers', over: 'took_ms' },
    trend: 'answer_ms',
  })
  return only.length === 0 ? runs : runs.filter(({ scenario }) => only.includes(scenario))
}
