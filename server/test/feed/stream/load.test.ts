import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../src/process/clock.ts'
import { FeedRig } from '../rig.ts'

/** A clock on which work takes time, and that tells how long each turn took. */
class BusyClock extends ManualClock {
  spent = 0
  onTurn: (ms: number) => void = () => {}
  override now(): number {
    return super.now() + this.spent
  }
  override soon(callback: () => void): () => void {
    return super.soon(() => {
      const before = this.spent
      callback()
      this.onTurn(this.spent - before)
    })
  }
}

describe('FE14 what streams cost in one turn', () => {
  it('FE14 streams that catch up share a part of each turn, fairly, and all get there', async () => {
    const clock = new BusyClock()
    // The check that is asked for every event is where time passes: some 2 ms for a chunk.
    const authorize = (): boolean => {
      clock.spent += 1 / 16
      return true
    }
    const rig = await FeedRig.start({ clock, authorize })
    const room = await rig.room('a', {})
    for (let index = 0; index < 100; index++) room.emit('kill', { text: 'x'.repeat(2_000) })
    await rig.settle()
    const readers = Array.from({ length: 20 }, () => rig.get('/rooms/a/feed?from=start'))
    let longest = 0
    let spread = 0
    clock.onTurn = (ms) => {
      longest = Math.max(longest, ms)
      const sizes = readers.map(({ text }) => text.length)
      spread = Math.max(spread, Math.max(...sizes) - Math.min(...sizes))
    }
    await rig.settle()
    expect(readers.map((reader) => reader.of('kill').length)).toEqual(readers.map(() => 100))
    expect(readers.every((reader) => reader.types.at(-1) === 'caught-up')).toBe(true)
    // 5 ms and the step that crosses them; all at once would be 40 ms.
    expect(longest).toBeGreaterThan(5)
    expect(longest).toBeLessThan(8)
    // Nobody gets a second chunk while another waits for the first.
    expect(spread).toBeLessThan(1.1 * 64 * 1024)
  })
})
