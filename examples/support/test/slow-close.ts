import { closeOnSignal } from '../src/shutdown.ts'

/** A program whose drain takes a while; with the argument `fail` it fails. */
const logger = { debug() {}, info() {}, warn() {}, error() {} }
closeOnSignal(async () => {
  process.stdout.write('draining\n')
  await new Promise((resolve) => {
    setTimeout(resolve, 300)
  })
  if (process.argv[2] === 'fail') throw new Error('The log is gone')
  process.stdout.write('drained\n')
}, logger)
setInterval(() => {}, 1_000)
process.stdout.write('ready\n')
