import { closeOnSignal } from '../src/shutdown.ts'

/** A program whose drain takes a while. It fails with the argument `fail`, and its server dies with `dead`. */
const logger = { debug() {}, info() {}, warn() {}, error() {} }
const isDead = process.argv[2] === 'dead'
const dead = isDead ? Promise.resolve(new Error('The log is given up')) : undefined
const close = async (): Promise<void> => {
  process.stdout.write('draining\n')
  await new Promise((resolve) => {
    setTimeout(resolve, 300)
  })
  if (isDead || process.argv[2] === 'fail') throw new Error('The log is gone')
  process.stdout.write('drained\n')
}
closeOnSignal(close, logger, dead)
setInterval(() => {}, 1_000)
process.stdout.write('ready\n')
