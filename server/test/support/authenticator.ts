import { Authenticator } from '../../src/auth/authenticator.ts'
import { KeyCheck } from '../../src/auth/key-check.ts'
import { PrincipalWatch } from '../../src/auth/watch.ts'
import { AddressRate } from '../../src/limit/address-rate.ts'
import { createTrustCheck } from '../../src/limit/origin.ts'
import { ManualClock } from '../../src/process/clock.ts'

/** For tests of what stands behind it: it knows one key, or none, and no tokens. */
export function authenticatorOf(apiKey: string | null): Authenticator {
  const clock = new ManualClock()
  const now = (): number => clock.now()
  const everybody = { topics: [] }
  const guesses = new AddressRate({ points: 1_000 }, clock)
  return new Authenticator({
    keys: new KeyCheck({ apiKey, guesses, everybody }),
    tokens: null,
    everybody,
    rules: { cookie: null, allowQuery: false, isTrusted: createTrustCheck() },
    guesses,
    principals: new PrincipalWatch({ clock, now }),
    now,
  })
}
