import { describe, expect, it } from 'vitest'
import { TOMBSTONE } from '../../../src/outbox/contract/store.ts'
import type { InsertOutcome, LogEvent } from '../../../src/outbox/contract/store.ts'
import type { NewMessage, Published } from '../../../src/outbox/contract/messages.ts'
import { everything, pass, patch, recordHandlers, startRig, strange } from '../support.ts'
import type { Rig } from '../support.ts'

const unknown: InsertOutcome = { kind: 'unknown', cause: new Error('no answer') }
type Apply = (events: readonly LogEvent[]) => Promise<InsertOutcome>

function message(messageId: string, part: Partial<NewMessage> = {}): NewMessage {
  const names = { topic: 'public', to: null, messageId, principal: 'key:a', trace: null }
  return { type: 'news', data: `{"id":${JSON.stringify(messageId)}}`, ...names, ...part }
}

/** The message as the log keeps it. */
function kept(messageId: string, part: Partial<NewMessage> = {}) {
  const { type, data, ...names } = message(messageId, part)
  return { room: null, n: 0, epoch: 0, prev: 0, hidden: null, type, data, message: names }
}

const idsOf = (events: readonly LogEvent[]): string[] =>
  events.map((event) => event.message?.messageId ?? `${event.room} ${event.n}`)

/** Answers as texts, in the order in which they came. */
function recordAnswers(): {
  readonly answers: string[]
  add(publishing: Promise<Published>): void
} {
  const answers: string[] = []
  return {
    answers,
    add: (publishing) =>
      void publishing.then(
        ({ messageId, duplicate }) => answers.push(`${messageId}${duplicate ? ' again' : ''}`),
        (error: { readonly code: string }) => answers.push(error.code),
      ),
  }
}

/** A rig whose inserts are counted, tombstones left out, and meet these fates first. */
async function rigWithFates(
  fates: ((events: readonly LogEvent[], apply: Apply) => Promise<InsertOutcome>)[] = [],
  share?: Rig,
): Promise<Rig & { readonly sent: (readonly LogEvent[])[] }> {
  const sent: (readonly LogEvent[])[] = []
  const rig = await startRig({
    ...(share ? { share } : {}),
    hooks: {
      insert: async (events, apply) => {
        if (events[0]?.type === TOMBSTONE) return apply(events)
        sent.push(events)
        const fate = fates.shift()
        return fate ? fate(events, apply) : apply(events)
      },
    },
  })
  return { ...rig, sent }
}

async function published(rig: Pick<Rig, 'clock' | 'outbox'>, one: NewMessage): Promise<Published> {
  const publishing = rig.outbox.publish(one)
  await pass(rig.clock, 200)
  return publishing
}

describe('OB107 messages in the log', () => {
  it('OB107 they go with the events of the rooms in one insert, in the order in which they were published', async () => {
    const rig = await rigWithFates()
    const log = await rig.outbox.openRoom('r', recordHandlers())
    const { answers, add } = recordAnswers()
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    add(rig.outbox.publish(message('1')))
    log.append(patch(1))
    add(rig.outbox.publish(message('2', { topic: 'a.b', to: 'c', principal: 'user:x', trace })))
    log.append(patch(2))
    add(rig.outbox.publish(message('3')))
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 5 })
    await pass(rig.clock, 0)
    expect(rig.sent).toHaveLength(1)
    expect(idsOf(rig.sent[0] ?? [])).toEqual(['1', 'r 1', '2', 'r 2', '3'])
    expect(answers).toEqual(['1', '2', '3'])
    const [first, , second] = rig.shown
    expect(first).toMatchObject(kept('1'))
    const names = { topic: 'a.b', to: 'c', principal: 'user:x', trace }
    expect(second).toMatchObject(kept('2', names))
    expect(first?.at).toBe(rig.clock.now())
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 0, pendingBytes: 0 })
    const { events } = await rig.outbox.read({ after: rig.outbox.origin, limit: 10 })
    expect(events).toEqual(rig.shown)
  })

  it('OB1 OB107 a publish is answered when it is acknowledged, not before', async () => {
    let release = (): void => {}
    const rig = await rigWithFates([
      (events, apply) => new Promise((resolve) => (release = () => resolve(apply(events)))),
    ])
    const { answers, add } = recordAnswers()
    add(rig.outbox.publish(message('1')))
    await pass(rig.clock, 50)
    expect([answers, rig.shown]).toEqual([[], []])
    release()
    await pass(rig.clock, 0)
    expect(answers).toEqual(['1'])
    expect(idsOf(rig.shown)).toEqual(['1'])
  })

  it('OB107 the same id again is a duplicate, whatever it holds; of another principal it is another', async () => {
    const rig = await rigWithFates()
    expect(await published(rig, message('x'))).toEqual({ messageId: 'x', duplicate: false })
    const other = { topic: 'other', type: 'other', data: '2', to: 'c' }
    expect(await published(rig, message('x', other))).toEqual({ messageId: 'x', duplicate: true })
    const principal = { principal: 'key:b' }
    expect(await published(rig, message('x', principal))).toMatchObject({ duplicate: false })
    const [first, second] = rig.shown
    expect(rig.shown).toHaveLength(2)
    expect(first).toMatchObject(kept('x'))
    expect(second).toMatchObject(kept('x', principal))
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 0, pendingBytes: 0 })
  })

  it('OB107 two at once with one id are one message; the second is answered with the first', async () => {
    const rig = await rigWithFates()
    const { answers, add } = recordAnswers()
    for (const id of ['x', 'y', 'x', 'x']) add(rig.outbox.publish(message(id)))
    await pass(rig.clock, 0)
    expect(rig.sent.map(idsOf)).toEqual([['x', 'y']])
    expect(answers.toSorted()).toEqual(['x', 'x again', 'x again', 'y'])
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 0, pendingBytes: 0 })
  })

  it('OB107 two processes that publish the same at once: one of them writes it', async () => {
    const red = await rigWithFates()
    const blue = await rigWithFates([], red)
    const publishing = [red, blue].map(({ outbox }) => outbox.publish(message('x')))
    await pass(red.clock, 100)
    const answers = await Promise.all(publishing)
    expect(answers.filter(({ duplicate }) => duplicate)).toHaveLength(1)
    expect(idsOf(blue.shown)).toEqual(['x'])
  })

  it('OB107 after a restart the id is known still', async () => {
    const rig = await rigWithFates()
    await published(rig, message('x'))
    await rig.outbox.stop()
    const next = await rigWithFates([], rig)
    expect(await published(next, message('x'))).toEqual({ messageId: 'x', duplicate: true })
  })

  it('OB107 what had landed although its answer was lost is no duplicate of itself', async () => {
    const rig = await rigWithFates([
      async (events, apply) => {
        await apply(events)
        return unknown
      },
    ])
    const { answers, add } = recordAnswers()
    add(rig.outbox.publish(message('x')))
    add(rig.outbox.publish(message('y')))
    await pass(rig.clock, 200)
    expect(answers).toEqual(['x', 'y'])
    expect(idsOf(await everything(rig.store))).toEqual(['x', 'y'])
  })

  it('OB107 a process that died with its publish in doubt: the retry elsewhere adds nothing', async () => {
    const dying = await rigWithFates([
      async (events, apply) => {
        await apply(events)
        return new Promise(() => {})
      },
    ])
    const { answers, add } = recordAnswers()
    add(dying.outbox.publish(message('x')))
    await pass(dying.clock, 10)
    const next = await rigWithFates([], dying)
    expect(await published(next, message('x'))).toEqual({ messageId: 'x', duplicate: true })
    expect(answers).toEqual([])
    const all = await everything(next.store)
    expect(idsOf(all.filter(({ type }) => type !== TOMBSTONE))).toEqual(['x'])
  })

  it('OB107 a tombstone of the process itself in the place of a message is no message', async () => {
    const weather = { isGivenUp: false }
    const rig = await startRig({
      hooks: {
        insert: async (events, apply) => {
          const [{ seq, message: isMessage } = { seq: 0, message: null }] = events
          if (!weather.isGivenUp || !isMessage) return apply(events)
          // The tail of this very process was faster: it has given the number up.
          weather.isGivenUp = false
          await apply([strange({ seq, own, type: TOMBSTONE, data: '' })])
          return unknown
        },
      },
    })
    await published(rig, message('x'))
    await published(rig, message('x'))
    const own = (await everything(rig.store)).at(-1)?.own ?? ''
    weather.isGivenUp = true
    expect(await published(rig, message('y'))).toEqual({ messageId: 'y', duplicate: false })
    const all = await everything(rig.store)
    expect(idsOf(all.filter(({ type }) => type !== TOMBSTONE))).toEqual(['x', 'y'])
    expect(all.filter(({ type }) => type === TOMBSTONE).map((stone) => stone.own)).toEqual([
      own,
      own,
    ])
  })
})

describe('OB107 a message that collides holds nothing up', () => {
  it('OB107 it is dropped, its number is voided, and the rooms of its batch go on', async () => {
    const other = await rigWithFates()
    await published(other, message('x'))
    const rig = await rigWithFates([], other)
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append(patch(1))
    const { answers, add } = recordAnswers()
    add(rig.outbox.publish(message('x')))
    log.append(patch(2))
    add(rig.outbox.publish(message('y')))
    await pass(rig.clock, 0)
    expect(answers).toEqual(['x again', 'y'])
    expect(log.acknowledgedN).toBe(2)
    expect(rig.sent.map(idsOf)).toEqual([
      ['r 1', 'x', 'r 2', 'y'],
      ['r 2', 'y'],
    ])
    await pass(rig.clock, 10)
    const all = await everything(rig.store)
    expect(idsOf(all.filter(({ type }) => type !== TOMBSTONE))).toEqual(['x', 'r 1', 'r 2', 'y'])
    expect(all.map(({ seq }) => seq - rig.outbox.origin)).toEqual([1, 2, 3, 4, 5])
    expect(rig.outbox.sealed - rig.outbox.origin).toBe(5)
  })

  it('OB107 a thousand at once that were all published before cost no round trip each', async () => {
    const other = await rigWithFates()
    const ids = Array.from({ length: 900 }, (_, index) => `id-${index}`)
    for (const id of ids) void other.outbox.publish(message(id))
    await pass(other.clock, 10)
    const rig = await rigWithFates([], other)
    const log = await rig.outbox.openRoom('r', recordHandlers())
    const { answers, add } = recordAnswers()
    for (const id of ids) {
      if (id === 'id-450') log.append(patch(1))
      add(rig.outbox.publish(message(id)))
    }
    add(rig.outbox.publish(message('new')))
    await pass(rig.clock, 10)
    expect(answers).toHaveLength(901)
    expect(answers.filter((answer) => answer.endsWith(' again'))).toHaveLength(900)
    expect(rig.sent).toHaveLength(2)
    expect(log.acknowledgedN).toBe(1)
    await pass(rig.clock, 100)
    expect(rig.outbox.sealed - rig.outbox.origin).toBe(1_802)
  })

  it('OB52 OB107 in a transaction too', async () => {
    const other = await rigWithFates()
    await published(other, message('x'))
    const stolen = async (events: readonly LogEvent[]): Promise<InsertOutcome> => {
      const { seq = 0 } = events[0] ?? {}
      const taken = strange({ seq, type: TOMBSTONE, data: '' })
      await other.store.events.insert([taken])
      return { kind: 'blocked', index: 0, blocking: taken }
    }
    const rig = await rigWithFates([stolen, stolen], other)
    const log = await rig.outbox.openRoom('r', recordHandlers())
    const { answers, add } = recordAnswers()
    log.append(patch(1))
    add(rig.outbox.publish(message('x')))
    add(rig.outbox.publish(message('y')))
    log.append(patch(2))
    await pass(rig.clock, 100)
    expect(rig.sent, 'the rest went in a transaction').toHaveLength(2)
    expect(answers).toEqual(['x again', 'y'])
    expect(log.acknowledgedN).toBe(2)
  })

  it('OB46 OB107 the first one is gone when it is looked for: the batch is sent again, and this one is new', async () => {
    const blocked: InsertOutcome = { kind: 'blocked', index: 0, blocking: null }
    const rig = await rigWithFates([async () => blocked])
    expect(await published(rig, message('x'))).toEqual({ messageId: 'x', duplicate: false })
    expect(rig.sent.map(idsOf)).toEqual([['x'], ['x']])
  })

  it('OB6 OB107 retention takes a message along, and its id is new again', async () => {
    const limits = { retentionMs: 10_000, retentionEvents: 100 }
    const rig = await startRig({ limits })
    await published(rig, message('x'))
    await pass(rig.clock, 60_000)
    expect(rig.outbox.floor).toBeGreaterThan(rig.outbox.origin)
    expect(await everything(rig.store)).toEqual([])
    expect(await published(rig, message('x'))).toEqual({ messageId: 'x', duplicate: false })
  })
})

describe('OB108 what waits to be published is bounded', () => {
  async function away(limits: object) {
    const weather = { isDown: true }
    const rig = await startRig({
      limits,
      hooks: { insert: async (events, apply) => (weather.isDown ? unknown : apply(events)) },
    })
    return { rig, weather, ...recordAnswers() }
  }

  it('OB108 by number: one more is refused, the waiting are written when the log is back', async () => {
    const { rig, weather, answers, add } = await away({ maxPendingMessages: 3 })
    for (const id of ['1', '2', '1', '3']) add(rig.outbox.publish(message(id)))
    await pass(rig.clock, 100)
    expect(answers).toEqual(['too_many_requests'])
    weather.isDown = false
    await pass(rig.clock, 1_000)
    expect(answers).toEqual(['too_many_requests', '1', '1 again', '2'])
    expect(await published(rig, message('3'))).toMatchObject({ duplicate: false })
  })

  it('OB108 by bytes, their names counted; a single one is always taken', async () => {
    const limits = { maxPendingMessageBytes: 4_096 }
    const { rig, weather, answers, add } = await away(limits)
    const large = { data: JSON.stringify('é'.repeat(5_000)) }
    add(rig.outbox.publish(message('1', large)))
    add(rig.outbox.publish(message('2')))
    await pass(rig.clock, 100)
    expect(answers).toEqual(['too_many_requests'])
    weather.isDown = false
    await pass(rig.clock, 1_000)
    weather.isDown = true
    for (const id of ['3', '4', '5', '6', '7'])
      add(rig.outbox.publish(message(id, { topic: 't'.repeat(900), data: '1' })))
    await pass(rig.clock, 10)
    expect(answers).toEqual(['too_many_requests', '1', 'too_many_requests'])
    expect(rig.outbox.stats.pendingBytes).toBe(4 * (900 + 'news'.length + 1 + 1 + 'key:a'.length))
  })

  it('OB72 OB108 messages count to what the whole process holds, and rooms to what messages may', async () => {
    const limits = { maxPendingTotalBytes: 65_536, maxEventBytes: 16_384 }
    const { rig, weather, answers, add } = await away(limits)
    const handlers = recordHandlers()
    const log = await rig.outbox.openRoom('r', handlers)
    const data = JSON.stringify('x'.repeat(16_000))
    for (const id of ['1', '2', '3', '4', '5']) add(rig.outbox.publish(message(id, { data })))
    expect(log.isFull).toBe(true)
    expect(log.append(patch(1))).toBe(false)
    await pass(rig.clock, 100)
    expect(answers).toEqual([])
    add(rig.outbox.publish(message('6')))
    await pass(rig.clock, 100)
    expect(answers).toEqual(['too_many_requests'])
    weather.isDown = false
    await pass(rig.clock, 1_000)
    expect(answers).toEqual(['too_many_requests', '1', '2', '3', '4', '5'])
    expect(handlers.calls).toEqual(['writable'])
    weather.isDown = true
    for (let count = 0; count < 5; count++) log.append({ type: 'kill', data })
    await expect(published(rig, message('7'))).rejects.toMatchObject({ code: 'too_many_requests' })
  })
})

describe('OB109 a publish is answered in time', () => {
  it('OB109 one that has waited for maxOutboxLagMs is told that nothing is known, and is written still', async () => {
    const weather = { isDown: true }
    const rig = await startRig({
      limits: { maxOutboxLagMs: 10_000 },
      hooks: { insert: async (events, apply) => (weather.isDown ? unknown : apply(events)) },
    })
    const { answers, add } = recordAnswers()
    add(rig.outbox.publish(message('1')))
    await pass(rig.clock, 6_000)
    add(rig.outbox.publish(message('1')))
    add(rig.outbox.publish(message('2')))
    await pass(rig.clock, 3_000)
    expect(answers).toEqual([])
    await pass(rig.clock, 2_000)
    expect(answers).toEqual(['outbox_unreachable'])
    add(rig.outbox.publish(message('3')))
    await pass(rig.clock, 0)
    expect(answers, 'nothing more is taken').toEqual(['outbox_unreachable', 'outbox_unreachable'])
    await pass(rig.clock, 3_000)
    weather.isDown = false
    await pass(rig.clock, 2_000)
    expect(answers.slice(2)).toEqual(['1 again', '2'])
    expect(idsOf(rig.shown)).toEqual(['1', '2'])
    expect(await published(rig, message('1'))).toMatchObject({ duplicate: true })
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 0, pendingBytes: 0 })
  })

  it('OB85 OB109 a stop answers whoever waits, and takes nothing more', async () => {
    const rig = await startRig({ hooks: { insert: async () => unknown } })
    const { answers, add } = recordAnswers()
    add(rig.outbox.publish(message('1')))
    await pass(rig.clock, 10)
    const stopping = rig.outbox.stop()
    add(rig.outbox.publish(message('2')))
    await pass(rig.clock, 20_000)
    await stopping
    expect(answers).toEqual(['draining', 'outbox_unreachable'])
    expect(rig.outbox.stats.pendingEvents).toBe(0)
  })

  it('OB85 OB109 a stop writes what was accepted', async () => {
    const rig = await startRig()
    const { answers, add } = recordAnswers()
    add(rig.outbox.publish(message('1')))
    await rig.outbox.stop()
    expect(answers).toEqual(['1'])
  })

  it('OB66 OB109 a log that is given up answers everybody, and whoever comes later', async () => {
    const limits = { retentionMs: 20_000, maxOutboxLagMs: 600_000 }
    const rig = await startRig({ limits, hooks: { insert: async () => unknown } })
    const { answers, add } = recordAnswers()
    add(rig.outbox.publish(message('1')))
    await pass(rig.clock, 15_000)
    expect(rig.outbox.stats.isGivenUp).toBe(true)
    add(rig.outbox.publish(message('2')))
    await pass(rig.clock, 10)
    expect(answers).toEqual(['outbox_unreachable', 'outbox_unreachable'])
  })

  it('OB109 after a stop nothing is taken, and nobody who does not look ends the process', async () => {
    const { outbox } = await startRig()
    await outbox.stop()
    void outbox.publish(message('1'))
    await expect(outbox.publish(message('1'))).rejects.toMatchObject({ code: 'draining' })
  })
})

describe('OB9 a message that can never be written', () => {
  it.each([
    ['too large', { data: JSON.stringify('x'.repeat(2_000)) }],
    ['no JSON', { data: 'x' }],
    ['two lines', { data: '{\n}' }],
    ['nothing', { data: '' }],
    ['a type of the log itself', { type: TOMBSTONE }],
    ['a marker', { type: 'owner' }],
    ['what says who sees a room', { type: '_who' }],
    ['no type', { type: '' }],
    ['no id', { messageId: '' }],
    ['an id without end', { messageId: 'x'.repeat(1_025) }],
    ['a topic of two lines', { topic: 'a\nb' }],
    ['a client of two lines', { to: 'a\rb' }],
    ['nobody', { principal: '' }],
  ])('OB9 OB107 is refused before it has a number: %s', async (_what, part) => {
    const rig = await startRig({ limits: { maxEventBytes: 1_024 } })
    const before = await rig.store.marks.counter()
    await expect(published(rig, message('x', part))).rejects.toMatchObject({
      code: 'event_refused',
    })
    expect(await rig.store.marks.counter()).toBe(before)
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 0, pendingBytes: 0 })
  })

  it('OB73 OB107 one that the store refuses: its number is voided, whoever followed it goes in its place', async () => {
    const rig = await rigWithFates([
      async (events, apply) => {
        await apply(events.slice(0, 1))
        return { kind: 'refused', index: 1, cause: new Error('too big') }
      },
    ])
    const { answers, add } = recordAnswers()
    add(rig.outbox.publish(message('1')))
    add(rig.outbox.publish(message('2', { data: '"bad"' })))
    add(rig.outbox.publish(message('2', { data: '"good"' })))
    add(rig.outbox.publish(message('3')))
    await pass(rig.clock, 100)
    expect(answers).toEqual(['1', 'event_refused', '3', '2'])
    const messages = rig.shown.filter((event) => event.message)
    expect(messages.map(({ data }) => data)).toContain('"good"')
    expect(idsOf(messages)).toEqual(['1', '3', '2'])
    expect(rig.outbox.sealed - rig.outbox.origin).toBe(4)
    expect(rig.outbox.stats).toMatchObject({ pendingEvents: 0, pendingBytes: 0 })
  })
})
