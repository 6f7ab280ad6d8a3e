import { describe, expect, it } from 'vitest'
import type { EventMessage, LogEvent, LogStore } from '../../../outbox/contract/store.ts'
import { everything, strange } from './log-event.ts'

/** A message as a stranger's process would write it. */
function messageEvent(
  seq: number,
  messageId: string,
  part: Partial<Omit<LogEvent, 'message'>> & { readonly message?: Partial<EventMessage> } = {},
): LogEvent {
  const { message, ...rest } = part
  const names = { topic: 'public', to: null, messageId, principal: 'key:a', trace: null }
  return strange({ seq, type: 'news', ...rest, message: { ...names, ...message } })
}

/** Every store owes this to the rule above it: a message is in the log once. A part of the suite of events. */
export function describeStoredMessages(
  name: string,
  make: () => Promise<Pick<LogStore, 'events' | 'marks'>>,
): void {
  describe(`${name}: events that are messages`, () => {
    const sparse = async (): Promise<{
      store: Pick<LogStore, 'events' | 'marks'>
      first: number
    }> => {
      const store = await make()
      return { store, first: await store.events.allocate(10) }
    }

    it('OB107 gives a message back as it was, and finds it by its principal and id', async () => {
      const { store, first } = await sparse()
      const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      const message = { topic: 'project.42.build', to: 'client-1', principal: 'key:b', trace }
      const events = [messageEvent(first, 'é 1'), messageEvent(first + 1, '2', { message })]
      expect(await store.events.insert(events)).toEqual({ kind: 'stored' })
      expect(await everything(store)).toEqual(events)
      expect(await store.events.bySeq(first + 1)).toEqual(events[1])
      expect(await store.events.byMessageId('key:a', 'é 1')).toEqual(events[0])
      expect(await store.events.byMessageId('key:b', '2')).toEqual(events[1])
      expect(await store.events.byMessageId('key:b', 'é 1')).toBeNull()
      const [, ...page] = await store.events.range({
        after: 0,
        upTo: first + 1,
        limit: 10,
        isBare: true,
      })
      expect(page).toEqual([{ ...events[1], data: '' }])
    })

    it('OB107 stops at a message whose id its principal has used, and names the first one', async () => {
      const { store, first } = await sparse()
      const taken = messageEvent(first, 'x')
      await store.events.insert([taken])
      const others = { message: { topic: 'other', to: 'c', principal: 'key:b' } }
      const again = messageEvent(first + 2, 'x', {
        own: 'other',
        data: '{"b":2}',
        message: { topic: 'other' },
      })
      const room = strange({ seq: first + 3, room: 'r', n: 1, epoch: 1 })
      const batch = [messageEvent(first + 1, 'x', others), again, room]
      expect(await store.events.insert(batch)).toEqual({
        kind: 'blocked',
        index: 1,
        blocking: taken,
      })
      expect(await everything(store)).toEqual([taken, batch[0]])
    })

    it('OB107 a taken seq comes before a taken id; a message that is sent twice finds itself', async () => {
      const { store, first } = await sparse()
      const taken = messageEvent(first, 'x')
      const tombstone = strange({ seq: first + 1, type: 'tombstone', data: '' })
      await store.events.insert([taken, tombstone])
      const blocked = { kind: 'blocked', index: 0 }
      const late = messageEvent(first + 1, 'x', { own: 'other' })
      expect(await store.events.insert([late])).toEqual({ ...blocked, blocking: tombstone })
      expect(await store.events.insert([taken])).toEqual({ ...blocked, blocking: taken })
    })

    it('OB107 insertNext does nothing where an id is taken, in the log or by its own events', async () => {
      const { store, first } = await sparse()
      const taken = messageEvent(first, 'x')
      await store.events.insert([taken])
      const before = await store.marks.counter()
      const insert = (...ids: readonly string[]) =>
        store.events.insertNext(ids.length, (from) =>
          ids.map((id, index) => messageEvent(from + index, id, { own: 'other' })),
        )
      expect(await insert('y', 'x')).toEqual({ kind: 'blocked', index: 1, blocking: taken })
      expect(await insert('y', 'z', 'y')).toEqual({ kind: 'blocked', index: 2, blocking: null })
      expect(await everything(store)).toEqual([taken])
      expect(await store.marks.counter()).toBe(before)
      expect(await insert('y', 'z')).toEqual({ kind: 'stored' })
    })

    it('OB107 finds many messages at once, without what they say', async () => {
      const { store, first } = await sparse()
      const ids = Array.from({ length: 1_000 }, (_, index) => `id-${index}`)
      const events = ids
        .slice(0, 9)
        .map((id, index) =>
          messageEvent(first + index, id, { message: { principal: `key:${index % 2}` } }),
        )
      await store.events.insert(events)
      const found = await store.events.byMessageIds(
        ids.map((messageId) => ({ principal: 'key:0', messageId })),
      )
      const expected = events.filter((_, index) => index % 2 === 0)
      expect(found.sort((a, b) => a.seq - b.seq)).toEqual(
        expected.map((event) => ({ ...event, data: '' })),
      )
      const two = [
        { principal: 'key:1', messageId: 'id-1' },
        { principal: 'key:0', messageId: 'id-0' },
      ]
      expect(await store.events.byMessageIds(two)).toHaveLength(2)
      expect(await store.events.byMessageIds([])).toEqual([])
    })

    it('OB107 what was cut, or is void, takes no id any more', async () => {
      const { store, first } = await sparse()
      const events = [messageEvent(first, 'cut'), messageEvent(first + 2, 'void')]
      await store.events.insert(events)
      await store.marks.raiseFloor(first)
      await store.events.deleteThrough(first)
      await store.events.deleteVoid({ after: first + 1, upTo: first + 2 })
      for (const id of ['cut', 'void'])
        expect(await store.events.byMessageId('key:a', id)).toBeNull()
      const again = [messageEvent(first + 3, 'cut'), messageEvent(first + 4, 'void')]
      expect(await store.events.insert(again)).toEqual({ kind: 'stored' })
    })

    it('OB107 an id is the same text only: nothing of a principal runs into it', async () => {
      const { store, first } = await sparse()
      const keys = [
        { principal: 'a', messageId: 'bc' },
        { principal: 'ab', messageId: 'c' },
        { principal: '1 a', messageId: '2' },
        { principal: '1', messageId: ' a2' },
        { principal: 'A', messageId: 'BC' },
      ]
      const events = keys.map((key, index) => messageEvent(first + index, '', { message: key }))
      expect(await store.events.insert(events)).toEqual({ kind: 'stored' })
      for (const [index, { principal, messageId }] of keys.entries())
        expect(await store.events.byMessageId(principal, messageId)).toEqual(events[index])
    })
  })
}
