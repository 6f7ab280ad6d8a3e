// Ends only by being interrupted.
import { setInterval } from 'k6/timers'

export const options = { vus: 2, duration: '200ms' }

export default function forever() {
  setInterval(() => {}, 1000)
}
