// Its threshold cannot hold: the runner must say so by its exit code.
import { check } from 'k6'
import { Counter } from 'k6/metrics'

const seen = new Counter('seen')

export const options = {
  vus: 3,
  iterations: 6,
  thresholds: { seen: ['count==7'], checks: ['rate==1'], 'seen{half:odd}': ['count==3'] },
}

export default function count() {
  seen.add(1, { half: __VU > 0 && __ITER >= 0 ? 'odd' : 'even' })
  check(__VU, { 'is a user': (vu) => vu > 0 })
}
