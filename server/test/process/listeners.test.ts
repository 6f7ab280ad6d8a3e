import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/index.ts'
import { Spectators } from '../../src/feed/audience/spectators.ts'
import { PendingTotal } from '../../src/outbox/append/pending-total.ts'
import { MemoryStore } from '../../src/outbox/stores/memory/store.ts'
import { Listeners } from '../../src/process/listeners.ts'

type Subscribe = (listener: () => void) => () => void

const emitters: Record<string, () => { subscribe: Subscribe; fire(): void | Promise<void> }> = {
  'the class itself': () => {
    const listeners = new Listeners<[]>()
    return { subscribe: (l) => listeners.add(l), fire: () => listeners.call() }
  },
  'spectators of a room': () => {
    const spectators = new Spectators()
    return {
      subscribe: (l) => spectators.onChange(l),
      fire: () => spectators.count(new Set(['r']), 1),
    }
  },
  'relief of the log': () => {
    const clock = new ManualClock()
    const total = new PendingTotal(10, clock)
    return {
      subscribe: (l) => total.onRelief(l),
      fire() {
        total.change(10)
        total.change(-10)
        clock.advance(0)
      },
    }
  },
  'wake-ups of a store in memory': () => {
    const store = new MemoryStore()
    return {
      subscribe: (l) => store.wake.subscribe(l),
      fire: async () => {
        const seq = await store.events.allocate(1)
        await store.events.insert([{ seq, own: 'o', type: 't', at: 1, data: '{}' } as never])
      },
    }
  },
}

describe.each(Object.entries(emitters))('CN54: %s', (_name, make) => {
  it('calls one that subscribes anew from within once, and none that was taken out meanwhile', async () => {
    const { subscribe, fire } = make()
    const calls: string[] = []
    const again = (): void => {
      calls.push('again')
      // The bound only keeps a test that fails from hanging.
      if (calls.length > 50) return
      offLast()
      off()
      off = subscribe(again)
    }
    let off = subscribe(again)
    subscribe(() => calls.push('other'))
    const offLast = subscribe(() => calls.push('last'))
    await fire()
    expect(calls).toEqual(['again', 'other'])
    await fire()
    expect(calls.slice(2)).toEqual(['other', 'again'])
  })
})

it('CN54: when listeners throw, all others are called, and then the first error is thrown', () => {
  const listeners = new Listeners<[number]>()
  const heard: number[] = []
  for (const text of ['first', 'second'])
    listeners.add(() => {
      throw new Error(text)
    })
  listeners.add((value) => heard.push(value))
  expect(() => listeners.call(7)).toThrow('first')
  expect(heard).toEqual([7])
})
