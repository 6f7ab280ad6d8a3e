import { seatEntriesOf } from '../../../../src/outbox/contract/seats.ts'
import { fold } from '../../log-fold.ts'
import { SeatModel, TAKEOVER_GRACE_MS, GRACE_MS, HOOK_MS, TICKET_MS } from './seat-model.ts'
import type { HookDeed, PlayerName, RoomPlan, SeatHookName } from './seat-model.ts'
import { SeatRun } from './seat-world.ts'
import type { SeatServers } from './seat-world.ts'

const WAITS: Readonly<Record<string, number>> = {
  'wait hook': HOOK_MS + 11,
  'wait grace': GRACE_MS + 17,
  'wait ticket': TICKET_MS + 23,
}
/** What happens is in the log after so long, in ms. */
const STORE_MS = 257
/** Time that each action takes, in ms. */
const STEP_MS = 1

/** What a room and its players look like, in one text; the model and the server must give the same. */
type Picture = string

/** Runs a list of actions, or what `next` chooses, in a new room, and compares it with the model after each. */
export async function runSeats(
  servers: SeatServers,
  plan: RoomPlan,
  next: (enabled: readonly string[], count: number) => string | null,
): Promise<string[]> {
  const logStart = servers.kits.map(({ logged }) => logged.length)
  const run = await SeatRun.start(servers, plan)
  const model = new SeatModel(plan, servers.clock.now())
  run.generationsOf = (id) => model.seats[[...run.seats.keys()].indexOf(id)]?.tokens ?? []
  const done: string[] = []
  const fail = (what: string): never => {
    throw new Error(`${JSON.stringify(plan)}\n${done.join(', ')}\n${what}`)
  }
  const same = (what: string, real: string, expected: string): void => {
    if (real === expected) return
    const [is, should] = [real.split('\n'), expected.split('\n')]
    const differing = [...new Set([...is, ...should])].filter(
      (line) => !is.includes(line) || !should.includes(line),
    )
    const marked = differing.map(
      (line) => `${is.includes(line) ? 'server' : 'model '} ${line.trim()}`,
    )
    fail(`${what}:\n  ${marked.join('\n  ')}`)
  }
  const step = async (action: string): Promise<void> => {
    done.push(action)
    const wait = WAITS[action]
    if (action === 'move') {
      const waited = model.settleMs
      const since = model.now
      model.advance(waited)
      const at = await run.move()
      if (!model.isEnded) {
        same('a release takes', String(at - since), String(waited))
        model.adopted(at)
      } else model.now = at
    } else if (action === 'seize') {
      // What happened so far is in the log by then, and nothing is on its way there.
      let before: string | null = null
      while (before !== (before = model.seats.map(({ phase }) => phase).join())) {
        model.advance(STORE_MS)
        await servers.pass(STORE_MS)
      }
      if (!model.isEnded) {
        const { adoptedAt, isLeftAt } = await run.seize()
        model.adopted(adoptedAt, 4003)
        model.advance(isLeftAt - adoptedAt)
      }
    } else if (wait === undefined) {
      const answer = await run.apply(action)
      same(`the answer to '${action}'`, answer, model.apply(action))
    }
    const ms = wait ?? STEP_MS
    model.advance(ms + model.now - servers.clock.now() < 0 ? 0 : ms)
    await servers.pass(ms)
    if (model.now !== servers.clock.now()) fail(`time: ${model.now} and ${servers.clock.now()}`)
    same(`after '${action}'`, picture(run), expectedPicture(model, plan))
    if (run.faults.length > 0) fail(run.faults.join('; '))
  }
  const over = async (): Promise<void> => {
    // Everybody goes, and nothing is left.
    for (const name of ['A', 'B'] as const)
      for (const verb of ['settle', 'settle', 'leave'])
        if (model.enabled().includes(`${verb} ${name}`)) await step(`${verb} ${name}`)
    const graceMs = model.owner === 0 ? GRACE_MS : TAKEOVER_GRACE_MS
    const ms = graceMs + TICKET_MS + 2 * HOOK_MS
    model.advance(ms)
    await servers.pass(ms)
    same('at last', picture(run), expectedPicture(model, plan))
    if (model.seats.some(({ phase }) => phase !== 'gone')) fail('the model has a seat left')
    if (!model.isEnded) {
      same('free seats at last', String(run.room?.seats.freeCount), String(plan.maxClients))
      model.apply('end')
      await run.apply('end')
    }
    await servers.pass(300)
    const events = await servers.newEventsOf(run.roomId)
    const tale: Record<string, string> = {}
    for (const { type, data } of events) {
      if (type !== 'joined' && type !== 'left') continue
      const { sessionId } = JSON.parse(data) as { sessionId: string }
      tale[sessionId] = `${tale[sessionId] ?? ''}${type} `
    }
    const entered = [...run.seats].filter(([, { hooks }]) => hooks.length > 0).map(([id]) => id)
    for (const id of entered) same(`the log of ${id}`, tale[id] ?? '', 'joined left ')
    same('seats in the log', String(Object.keys(tale).length), String(entered.length))
    const folded = fold(events)
    same('the state at last', JSON.stringify(folded.state), '{"players":{}}')
    same('seats of the log', JSON.stringify(seatEntriesOf(folded.hiddenState) ?? {}), '{}')
    if (events.at(-1)?.type !== 'end') fail('the log has no end')
    const lines = servers.kits.flatMap(({ logged }, index) => logged.slice(logStart[index]))
    const loud = lines.filter(({ level }) => level === 'warn' || level === 'error')
    const failed = new Set<string>()
    for (const { message, fields } of loud) {
      const isTaken = message.startsWith('another server has taken this room')
      if (isTaken && done.includes('seize')) continue
      const isKnown = message.startsWith('room hook failed')
      const isNamed = fields['roomId'] === run.roomId && typeof fields['where'] === 'string'
      if (!isKnown || (!isNamed && message === 'room hook failed')) fail(`it logged ${message}`)
      if (message === 'room hook failed') failed.add(String(fields['where']))
    }
    same(
      'hooks that failed, in the log',
      [...failed].toSorted().join(),
      [...model.thrown].toSorted().join(),
    )
  }
  try {
    for (let count = 0; ; count++) {
      const action = next(model.enabled(), count)
      if (action === null) break
      await step(action)
    }
    await over()
    return done
  } finally {
    // A run that failed must not spoil the next one.
    await run.clear()
  }
}

const NAMES: readonly PlayerName[] = ['A', 'B']

function picture(run: SeatRun): Picture {
  const { room } = run
  const isHere = room !== null && !room.isOver
  const sessions = isHere ? [...room.face.sessions.values()] : []
  const ids = [...run.seats.keys()]
  const numberOf = (id: string): number => ids.indexOf(id)
  const lines = [...run.seats.values()].map(
    ({ hooks }, number) => `seat ${number}: ${hooks.join(', ')}`,
  )
  for (const name of NAMES) lines.push(`answers ${name}: ${run.players[name].answers.join(', ')}`)
  for (const name of NAMES)
    for (const [number, { frames, closed }] of run.players[name].sockets.entries())
      lines.push(`socket ${name}${number}: ${frames.join(', ')}; ${closed ?? 'open'}`)
  lines.push(
    `sessions: ${sessions.map(({ id, isConnected }) => `${numberOf(id)}${isConnected ? '' : ' away'}`).join(', ')}`,
    `room: ${run.roomHooks.join(', ')}`,
    `free: ${isHere ? room.seats.freeCount : '-'}`,
    `listed: ${run.listing()}`,
    `connections: ${run.connectionCount}`,
  )
  if (isHere) {
    const { players } = room.face.state as { players: Record<string, object> }
    lines.push(
      `state: ${Object.keys(players)
        .map(numberOf)
        .toSorted((one, other) => one - other)
        .join()}`,
    )
  }
  return lines.join('\n    ')
}

function expectedPicture(model: SeatModel, { maxClients }: RoomPlan): Picture {
  const { seats, seated, players, isEnded, isPrivate, isLocked } = model
  const lines = seats.map(({ hooks }, number) => `seat ${number}: ${hooks.join(', ')}`)
  let open = 0
  for (const name of NAMES) lines.push(`answers ${name}: ${players[name].answers.join(', ')}`)
  for (const name of NAMES)
    for (const [number, { frames, closed }] of players[name].sockets.entries()) {
      if (closed === null) open++
      lines.push(`socket ${name}${number}: ${frames.join(', ')}; ${closed ?? 'open'}`)
    }
  const sessions = isEnded ? [] : seated
  const listing = `${seated.length} of ${maxClients}${isLocked ? ' locked' : ''}`
  lines.push(
    `sessions: ${sessions.map(({ number, socket }) => `${number}${socket ? '' : ' away'}`).join(', ')}`,
    `room: ${model.roomHooks.join(', ')}`,
    `free: ${isEnded ? '-' : model.freeCount}`,
    `listed: ${isEnded || isPrivate ? 'no' : listing}`,
    `connections: ${open}`,
  )
  if (!isEnded) {
    const inState = seats.filter(({ isInState }) => isInState).map(({ number }) => number)
    lines.push(`state: ${inState.join()}`)
  }
  return lines.join('\n    ')
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function numbersOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const HOOKS = ['onJoin', 'onDrop', 'onReconnect', 'onLeave'] as const

/** A long walk: the seed decides the room, what its hooks do, and every step. */
export function walkSeats(servers: SeatServers, seed: number, length: number): Promise<string[]> {
  const random = numbersOf(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const deeds: Partial<Record<SeatHookName, HookDeed>> = {}
  if (random() < 0.5) deeds[pick(HOOKS)] = pick(['throw', 'throw', 'kick', 'end'] as const)
  const plan = {
    maxClients: pick([1, 2]),
    isAsync: random() < 0.5,
    deeds,
    graceMs: pick([0, GRACE_MS, GRACE_MS]),
    isAsking: random() < 0.3,
  }
  return runSeats(servers, plan, (enabled, count) => {
    if (count === length) return null
    const action = pick(enabled)
    // Most walks would be over soon, or tell of rooms that nobody is in.
    const isDull = action === 'end' ? random() < 0.9 : !/ [AB]/.test(action) && random() < 0.6
    return isDull ? pick(enabled) : action
  })
}

/** All lists of actions of this length that can be done in such a room; the first player to act is A. */
export function* everyOrder(
  plan: RoomPlan,
  start: readonly string[],
  length: number,
): Generator<string[]> {
  const from = (list: readonly string[]): SeatModel => {
    const model = new SeatModel(plan, 0)
    for (const action of list) act(model, action)
    return model
  }
  const stack: string[][] = [[...start]]
  for (let list; (list = stack.pop());) {
    if (list.length === start.length + length) {
      yield list
      continue
    }
    const isAlone = !list.some((action) => action.includes(' A'))
    for (const action of from(list).enabled())
      if (!isAlone || !action.includes(' B')) stack.push([...list, action])
  }
}

/** Does an action in a model alone, with its time. */
function act(model: SeatModel, action: string): void {
  const wait = WAITS[action]
  if (action === 'move') {
    model.advance(model.settleMs)
    if (!model.isEnded) model.adopted(model.now)
  } else if (action === 'seize') {
    model.advance(STORE_MS)
    if (!model.isEnded) model.adopted(model.now)
  } else if (wait === undefined) model.apply(action)
  model.advance(wait ?? STEP_MS)
}
