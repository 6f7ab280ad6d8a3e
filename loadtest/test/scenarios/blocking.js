import { sleep } from 'k6'

export default function blocks() {
  sleep(1)
}
