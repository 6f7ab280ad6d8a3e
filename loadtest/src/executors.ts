import type { Clock } from './clock.ts'
import type { Scenario, Stage } from './options.ts'
import type { VirtualUser } from './virtual-user.ts'

/** The part of all virtual users and iterations that one process takes: the `index`th of `count`. */
export interface Segment {
  readonly index: number
  readonly count: number
}

/**
 * The number of `total` that is this segment's: the `index`th, and each `count`th after it. All segments' together are
 * `total`, and none gets fewer when there are more.
 */
export function share(total: number, { index, count }: Segment): number {
  return Math.floor((total + count - 1 - index) / count)
}

/** The number of a segment's `nth` user, counted from 0, among those of all segments, counted from 1 without a gap. */
export function userId(nth: number, { index, count }: Segment): number {
  return nth * count + index + 1
}

/** The most users that a scenario has at a time, in all segments. */
export function mostUsers(scenario: Scenario): number {
  if (scenario.executor !== 'ramping-vus') return scenario.vus
  return Math.max(scenario.startVus, ...scenario.stages.map(({ target }) => target))
}

/** What executors run. */
export interface Crew {
  readonly clock: Clock
  readonly segment: Segment
  newUser(): VirtualUser
  /** One iteration; never rejects. */
  iterate(user: VirtualUser): Promise<void>
  /** Iterations that were to run and did not, for the time was over. */
  dropped(count: number): void
}

/** How often the number of users is looked at while it ramps, in ms. */
const RAMP_STEP_MS = 50

/** Runs one scenario to its end, the iterations on their way included. */
export async function execute(scenario: Scenario, crew: Crew): Promise<void> {
  if (scenario.startMs > 0) await wait(crew.clock, scenario.startMs)
  switch (scenario.executor) {
    case 'constant-vus':
      return constantUsers(scenario, crew)
    case 'per-vu-iterations':
      return iterationsEach(scenario, crew)
    case 'shared-iterations':
      return sharedIterations(scenario, crew)
    case 'ramping-vus':
      return rampingUsers(scenario, crew)
  }
}

type Iterations = Exclude<Scenario, { executor: 'constant-vus' | 'ramping-vus' }>

async function constantUsers(
  { vus, durationMs, gracefulStopMs }: Extract<Scenario, { executor: 'constant-vus' }>,
  crew: Crew,
): Promise<void> {
  const loops = startLoops(share(vus, crew.segment), { crew, hasNext: () => true })
  await endAfter(loops, { clock: crew.clock, durationMs, gracefulStopMs })
}

async function iterationsEach(
  { vus, iterations, maxDurationMs, gracefulStopMs }: Iterations,
  crew: Crew,
): Promise<void> {
  const users = share(vus, crew.segment)
  let left = users * iterations
  const loops = startLoops(users, {
    crew,
    hasNext: (user) => {
      if (user.iteration + 1 >= iterations) return false
      left--
      return true
    },
  })
  await endAfter(loops, { clock: crew.clock, durationMs: maxDurationMs, gracefulStopMs })
  crew.dropped(left)
}

async function sharedIterations(
  { vus, iterations, maxDurationMs, gracefulStopMs }: Iterations,
  crew: Crew,
): Promise<void> {
  let left = share(iterations, crew.segment)
  const loops = startLoops(share(vus, crew.segment), { crew, hasNext: () => left-- > 0 })
  await endAfter(loops, { clock: crew.clock, durationMs: maxDurationMs, gracefulStopMs })
  crew.dropped(Math.max(0, left))
}

async function rampingUsers(
  scenario: Extract<Scenario, { executor: 'ramping-vus' }>,
  crew: Crew,
): Promise<void> {
  const { stages, startVus, gracefulRampDownMs, gracefulStopMs } = scenario
  const { clock, segment } = crew
  const begunAt = clock.now()
  const totalMs = stages.reduce((sum, { durationMs }) => sum + durationMs, 0)
  const idle: VirtualUser[] = []
  const active: Loop[] = []
  const ended: Loop[] = []
  for (;;) {
    const elapsedMs = clock.now() - begunAt
    if (elapsedMs >= totalMs) break
    const wanted = share(Math.round(usersAt(elapsedMs, startVus, stages)), segment)
    while (active.length < wanted) {
      const user = idle.pop() ?? crew.newUser()
      active.push(new Loop(user, { crew, hasNext: () => true }))
    }
    while (active.length > wanted) {
      const loop = active.pop()
      if (!loop) break
      loop.isWanted = false
      ended.push(loop)
      const cancel = clock.after(gracefulRampDownMs, () => loop.user.interrupt())
      void loop.ended.then(() => {
        cancel()
        ended.splice(ended.indexOf(loop), 1)
        idle.push(loop.user)
      })
    }
    await wait(clock, Math.min(RAMP_STEP_MS, totalMs - elapsedMs))
  }
  await endAfter([...active, ...ended], { clock, durationMs: 0, gracefulStopMs })
}

/** Number of users at a time since the start: straight lines from target to target. */
export function usersAt(elapsedMs: number, startVus: number, stages: readonly Stage[]): number {
  let from = startVus
  let leftMs = elapsedMs
  for (const { durationMs, target } of stages) {
    if (leftMs < durationMs) return from + ((target - from) * leftMs) / durationMs
    leftMs -= durationMs
    from = target
  }
  return from
}

interface LoopOptions {
  readonly crew: Crew
  readonly hasNext: (user: VirtualUser) => boolean
}

/** A user that runs iteration after iteration, until it is not wanted or there is none left. */
class Loop {
  readonly user: VirtualUser
  readonly ended: Promise<void>
  isWanted = true

  constructor(user: VirtualUser, options: LoopOptions) {
    this.user = user
    this.ended = this.#drive(options)
  }

  async #drive({ crew, hasNext }: LoopOptions): Promise<void> {
    while (this.isWanted && hasNext(this.user)) {
      await crew.iterate(this.user)
      // An iteration without any waiting must not keep the timers, which end the run, from their turn.
      await new Promise<void>((resolve) => {
        crew.clock.soon(resolve)
      })
    }
  }
}

function startLoops(count: number, options: LoopOptions): Loop[] {
  return Array.from({ length: count }, () => new Loop(options.crew.newUser(), options))
}

interface EndOptions {
  readonly clock: Clock
  readonly durationMs: number
  readonly gracefulStopMs: number
}

/** Waits until all have ended: no new iteration after the duration, none at all after the grace. */
async function endAfter(
  loops: readonly Loop[],
  { clock, durationMs, gracefulStopMs }: EndOptions,
): Promise<void> {
  let cancelGrace = (): void => undefined
  const cancelEnd = clock.after(durationMs, () => {
    for (const loop of loops) loop.isWanted = false
    cancelGrace = clock.after(gracefulStopMs, () => {
      for (const { user } of loops) user.interrupt()
    })
  })
  await Promise.all(loops.map(({ ended }) => ended))
  cancelEnd()
  cancelGrace()
}

function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve)
  })
}
