import { decodeSystem } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import {
  NO_EVENTS,
  eventMarksOf,
  foldEventMarks,
  withEventMarks,
} from '../../../src/outbox/contract/event-marks.ts'
import type { EventMarks } from '../../../src/outbox/contract/event-marks.ts'
import type { LogEvent, Snapshot } from '../../../src/outbox/contract/store.ts'
import { StateFold } from '../../../src/outbox/keep/state-fold.ts'
import { createRandom } from '../../../src/process/random.ts'
import { RoomEvent, RoomEvents } from '../../../src/room/output/room-events.ts'

interface Logged {
  readonly epoch: number
  readonly event: RoomEvent
}

/** One owner after the other, as the log has them: the last events of one that crashes are lost. */
class History {
  readonly log: Logged[] = []
  epoch = 0
  marks: EventMarks = NO_EVENTS
  events: RoomEvents
  /** Emitted by this owner and not logged yet. */
  unlogged: RoomEvent[] = []
  readonly maxEvents: number

  constructor(maxEvents: number) {
    this.maxEvents = maxEvents
    this.events = this.take(1)
  }

  take(epoch: number): RoomEvents {
    let { marks } = this
    for (const { epoch: owner, event } of this.log.slice(-20))
      marks = foldEventMarks(marks, { type: 'kill', epoch: owner, hidden: event.hidden })
    this.epoch = epoch
    this.marks = marks
    this.unlogged = []
    this.events = new RoomEvents(epoch, marks, {
      maxEvents: this.maxEvents,
      maxBytes: 1_000_000,
    })
    return this.events
  }

  emit(name: string): RoomEvent {
    const event = new RoomEvent({ type: 'kill', data: name, at: 0, payload: new Uint8Array(1) })
    this.events.number(event)
    this.unlogged.push(event)
    return event
  }

  store(count: number): void {
    for (const event of this.unlogged.splice(0, count)) this.log.push({ epoch: this.epoch, event })
  }
}

describe('events over owners', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'RM52 a player gets exactly what the room has emitted since, or is told that it missed some (seed %i)',
    (seed) => {
      const random = createRandom(`seed ${seed}`, 1)
      const int = (max: number): number => random.int(0, max)
      let whole = 0
      let missed = 0
      for (let round = 0; round < 200; round++) {
        const history = new History(int(1) === 0 ? 1_000 : 4)
        let seen = { epoch: 1, index: 0 }
        /** What the player has not seen of what is in the log, or will be. */
        let unseen: RoomEvent[] = []
        for (let step = 0; step < 30; step++) {
          const isAway = int(1) === 0
          for (let n = int(3); n > 0; n--) {
            const event = history.emit(`${round}.${step}`)
            if (isAway || unseen.length > 0) unseen.push(event)
            else seen = { epoch: history.epoch, index: event.index }
          }
          history.store(int(4))
          if (int(5) === 0) {
            const lost = new Set(history.unlogged)
            unseen = unseen.filter((event) => !lost.has(event))
            history.take(history.epoch + 1 + int(2))
          }
          if (isAway) continue
          const { events } = history
          const frames = events.missed(seen, { from: 0, upTo: events.index })
          if (frames === null) missed++
          else {
            whole++
            expect(frames).toEqual(unseen.map(({ frame }) => frame))
          }
          seen = { epoch: history.epoch, index: events.index }
          unseen = []
        }
      }
      expect(whole).toBeGreaterThan(100)
      expect(missed).toBeGreaterThan(20)
    },
  )

  it('RM52 a position of an owner that nobody remembers is one that missed some', () => {
    const history = new History(1_000)
    history.emit('first')
    history.store(1)
    for (let epoch = 2; epoch <= 40; epoch++) {
      history.take(epoch)
      history.emit('next')
      history.store(1)
    }
    expect(history.events.missed({ epoch: 1, index: 1 }, { from: 0, upTo: 40 })).toBeNull()
    expect(history.events.missed({ epoch: 39, index: 39 }, { from: 0, upTo: 40 })).toHaveLength(1)
    expect(history.events.marks.owners.length).toBeLessThanOrEqual(16)
  })

  it('RM52 the index ends at 2^32 - 1: such a room goes on, and nothing throws', () => {
    const events = new RoomEvents(
      1,
      { ...NO_EVENTS, index: 0xffff_fffe },
      {
        maxEvents: 3,
        maxBytes: 1_000,
      },
    )
    const indexes = Array.from({ length: 3 }, () => {
      const event = new RoomEvent({ type: 'kill', data: '{}', at: 0, payload: new Uint8Array(0) })
      events.number(event)
      return decodeSystem('event', event.frame).index
    })
    expect(indexes).toEqual([0xffff_ffff, 0xffff_ffff, 0xffff_ffff])
  })

  it('RM52 a state that is made where the log is cut counts the events up to there', () => {
    const base = {
      room: 'r',
      n: 1,
      seq: 1,
      epoch: 1,
      at: 0,
      patchN: 1,
      publicState: '{}',
      hiddenState: null,
      runtime: withEventMarks('{"tick":1}', { index: 4, since: 0, owners: [[1, 0]] }),
    } satisfies Snapshot
    const fold = new StateFold('r', base)
    const event = (n: number, epoch: number, type: string, hidden: string | null): LogEvent =>
      ({ room: 'r', n, seq: n, epoch, type, at: 0, data: '{}', hidden, prev: 1 }) as LogEvent
    fold.add(event(2, 1, 'kill', '{"index":5}'))
    fold.add(event(3, 1, 'patch', '{"index":900}'))
    fold.add(event(4, 1, 'joined', '{"reconnectToken":"old"}'))
    fold.add(event(5, 2, 'kill', '{"index":6}'))
    const runtime = fold.resultAt(5)?.runtime ?? '{}'
    expect(JSON.parse(runtime)).toMatchObject({ tick: 1 })
    expect(eventMarksOf(runtime)).toEqual({
      index: 6,
      since: 0,
      owners: [
        [1, 0],
        [2, 5],
      ],
    })
    expect(new StateFold('r', base).resultAt(1)).toBeNull()
  })
})
