import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/process/random.ts'
import { readWho, strictest, whoEvent } from '../../../src/outbox/contract/room-who.ts'
import type { RoomWho } from '../../../src/outbox/contract/room-who.ts'
import { WhoLog } from '../../../src/room/output/who-log.ts'
import { everything, pass, recordHandlers, startRig } from '../support.ts'

const OPEN: RoomWho = { delayMs: 0, isPrivate: false }
const PRIVATE: RoomWho = { delayMs: 0, isPrivate: true }
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))

describe('OB126 OB127 what the log says of who sees a room', () => {
  it('OB127 a type of the log is taken from nobody, but `_who` with what it says', async () => {
    for (const event of [
      { type: '_who', data: '{}' },
      { type: '_later', data: '{}', who: OPEN },
      { type: '_', data: '{}' },
    ]) {
      const rig = await startRig()
      const handlers = recordHandlers()
      const log = await rig.outbox.openRoom('r', handlers)
      expect(log.append({ type: 'patch', data: '{}', who: OPEN })).toBe(true)
      expect(log.append(event), event.type).toBe(false)
      await pass(rig.clock, 0)
      expect(handlers.calls).toEqual(['refused'])
    }
  })

  it('OB127 what is not understood of it makes the room private', () => {
    expect(readWho({ delayMs: 5, isPrivate: false })).toEqual({ delayMs: 5, isPrivate: false })
    for (const value of [
      undefined,
      null,
      7,
      {},
      { delayMs: '5', isPrivate: false },
      { delayMs: 5 },
      { isPrivate: false },
      { delayMs: 5, isPrivate: false, key: 'k' },
    ])
      expect(readWho(value).isPrivate, JSON.stringify(value)).toBe(true)
  })

  it('OB126 each event says it while the room is not open, and only then; what is folded keeps it', async () => {
    const rig = await startRig({ limits: { maxPendingEvents: 4 } })
    const log = await rig.outbox.openRoom('r', recordHandlers())
    log.append({ type: 'patch', data: '{"a":1}', who: OPEN })
    log.append({ type: 'patch', data: '{"b":1}' })
    // From here on patches are folded.
    log.append({ type: 'patch', data: '{"c":1}' })
    log.append(whoEvent(OPEN, PRIVATE))
    await pass(rig.clock, 0)
    log.append({ type: 'kill', data: '{}' })
    log.append(whoEvent(PRIVATE, OPEN))
    log.append({ type: 'kill', data: '{}' })
    await pass(rig.clock, 0)
    const said = (await everything(rig.store)).map(({ type, who }) => [type, who ?? null])
    expect(said.slice(-4)).toEqual([
      ['_who', PRIVATE],
      ['kill', PRIVATE],
      ['_who', OPEN],
      ['kill', null],
    ])
    expect(said[0]).toEqual(['patch', OPEN])
    expect(said.slice(1, -4).every(([, who]) => who === null)).toBe(true)
  })
})

describe(`OB128 what a room writes of who sees it (SEED=${SEED})`, () => {
  it('OB128 nothing is in the log where more see it than might when it was written', () => {
    const random = createRandom(SEED)
    for (let run = 0; run < 200; run++) {
      let wanted: RoomWho = OPEN
      const log = new WhoLog(random.int(0, 3) === 0 ? null : OPEN, () => wanted)
      const events: { who: RoomWho | null; writtenBy: RoomWho | null }[] = []
      let said: RoomWho = log.closing()?.who ?? OPEN
      /** What the game has written since the last capture, under the strictest that was wanted meanwhile. */
      let pending: RoomWho | null = null
      for (let step = 0; step < 40; step++) {
        const choice = random.int(0, 3)
        if (choice === 0) {
          wanted = { delayMs: random.int(0, 2) * 1_000, isPrivate: random.int(0, 1) === 0 }
          said = log.closing()?.who ?? said
          if (pending) pending = strictest(pending, wanted)
        } else if (choice < 3) pending = pending ? strictest(pending, wanted) : wanted
        else {
          if (pending) events.push({ who: said, writtenBy: pending })
          pending = null
          said = log.opening()?.who ?? said
          // The capture leaves the log as the room is.
          expect(said).toEqual(wanted)
        }
      }
      for (const { who, writtenBy } of events) {
        if (!who || !writtenBy) continue
        expect(strictest(who, writtenBy), `SEED=${SEED}`).toEqual(who)
      }
    }
  })
})
