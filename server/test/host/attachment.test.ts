import { describe, expect, it } from 'vitest'
import { Attachment } from '../../src/host/attachment.ts'
import { recordHandlers } from '../outbox/support.ts'

describe('CL4 what a log says before there is a room', () => {
  it.each([
    ['another owner took it', (end: Attachment) => end.onFenced(), 'room_taken'],
    ['it was given up', (end: Attachment) => end.onGivenUp(), 'outbox_unreachable'],
    ['it refused an event', (end: Attachment) => end.onRefused(new Error('big')), 'event_refused'],
  ])('CL4 that %s keeps the room from being made', (_what, tell, code) => {
    let fencedCount = 0
    const end = new Attachment(() => fencedCount++)
    end.assertHeld()
    tell(end)
    expect(() => end.assertHeld()).toThrow(expect.objectContaining({ code }))
    expect(fencedCount).toBe(code === 'room_taken' ? 1 : 0)
  })

  it('CL4 that a snapshot is due is told to the room once it is there', () => {
    const end = new Attachment(() => {})
    end.onWritable()
    end.onSnapshotDue()
    end.assertHeld()
    const room = recordHandlers()
    end.attach(room)
    expect(room.calls).toEqual(['snapshot-due'])
  })

  it('CL4 afterwards the room is told everything itself, and a fence is counted before it', () => {
    const room = recordHandlers()
    const end = new Attachment(() => room.calls.push('counted'))
    end.attach(room)
    end.onWritable()
    end.onSnapshotDue()
    end.onRefused(new Error('big'))
    end.onGivenUp()
    end.onFenced()
    const all = ['writable', 'snapshot-due', 'refused', 'given-up', 'counted', 'fenced']
    expect(room.calls).toEqual(all)
  })
})
