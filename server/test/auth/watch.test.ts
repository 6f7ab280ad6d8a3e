import { describe, expect, it } from 'vitest'
import type { Principal } from '../../src/auth/principal.ts'
import { PrincipalWatch } from '../../src/auth/watch.ts'
import { ManualClock } from '../../src/process/clock.ts'
import { serverPrincipal } from '../../src/auth/principal.ts'

function start() {
  const clock = new ManualClock()
  const now = (): number => clock.now()
  const principals = new PrincipalWatch({ clock, now })
  const userUntil = (afterMs: number | null): Principal => {
    const expiresAt = afterMs === null ? null : clock.now() + afterMs
    return {
      ...serverPrincipal,
      kind: 'user',
      expiresAt,
      get isValid() {
        return expiresAt === null || clock.now() < expiresAt
      },
    }
  }
  const told: string[] = []
  const watch = (name: string, principal: Principal): (() => void) =>
    principals.watch(principal, () => void told.push(`${name} ${clock.now() % 100_000}`))
  return { clock, principals, userUntil, told, watch }
}

describe('the watch over principals', () => {
  it('AU8 each end is told when it comes, once, whatever the order in which they were watched', () => {
    const { clock, principals, userUntil, told, watch } = start()
    const at = clock.now() % 100_000
    watch('late', userUntil(5_000))
    watch('soon', userUntil(100))
    watch('never', userUntil(null))
    const both = userUntil(2_000)
    watch('one', both)
    watch('two', both)
    clock.advance(60_000)
    expect(told).toEqual([
      `soon ${at + 100}`,
      `one ${at + 2_000}`,
      `two ${at + 2_000}`,
      `late ${at + 5_000}`,
    ])
    expect(principals.size).toBe(1)
    expect(clock.pendingCount).toBe(0)
  })

  it('AU8 who no longer watches is told nothing, and nothing is left of them', () => {
    const { clock, principals, userUntil, told, watch } = start()
    const user = userUntil(1_000)
    const ends = [watch('one', user), watch('two', user)]
    ends[0]?.()
    ends[0]?.()
    clock.advance(2_000)
    expect(told).toHaveLength(1)
    ends[1]?.()
    expect(principals.size).toBe(0)
  })

  it('AU8 a listener may end another while it is told', () => {
    const { clock, principals, userUntil } = start()
    const user = userUntil(1_000)
    const told: string[] = []
    const ends: (() => void)[] = []
    ends.push(
      principals.watch(user, () => {
        told.push('one')
        ends[1]?.()
      }),
      principals.watch(user, () => void told.push('two')),
    )
    clock.advance(2_000)
    expect(told).toEqual(['one'])
  })

  it('AU8 an end far away takes no timer beyond what one holds', () => {
    const { clock, userUntil, told, watch } = start()
    watch('far', userUntil(90 * 86_400_000))
    clock.advance(89 * 86_400_000)
    expect(told).toEqual([])
    clock.advance(2 * 86_400_000)
    expect(told).toHaveLength(1)
  })

  it('AU8 nothing is left running once it stops', () => {
    const { clock, principals, userUntil, told, watch } = start()
    watch('one', userUntil(1_000))
    principals.stop()
    watch('two', userUntil(1_000))
    clock.advance(2_000)
    expect([told, clock.pendingCount]).toEqual([[], 0])
  })
})
