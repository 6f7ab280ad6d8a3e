// A game process that dies by kill -9 of itself between taking numbers and writing them. Run as a child:
// node doomed-writer.ts <uri> <database> <room> <name>. Prints `accepted <data>`, `acknowledged <n>` and, as its last
// words, `taken <seq> ...`: the numbers that nothing is written under.
import { writeSync } from 'node:fs'
import type { LogStore } from '../../src/outbox/contract/store.ts'
import { overrideStore } from '../../src/testing/store/around-store.ts'
import { openOutbox, quietHandlers } from './rig.ts'

const [uri = '', database = '', room = '', name = ''] = process.argv.slice(2)
/** Flushes that succeed before the fatal one. */
const FLUSHES = 5 + Math.floor(Math.random() * 20)

let flushCount = 0

/** `insert` is what comes right after `allocate`: instead of it, the process dies. */
function doomed(store: LogStore): LogStore {
  return overrideStore(store, {
    events: {
      insert: (events) => {
        const isFlush = events.every(({ type }) => type === 'mark')
        if (isFlush && ++flushCount > FLUSHES) {
          writeSync(1, `taken ${events.map(({ seq }) => seq).join(' ')}\n`)
          process.kill(process.pid, 'SIGKILL')
        }
        return store.events.insert(events)
      },
    },
  })
}

const outbox = await openOutbox({ uri, database, wrap: doomed })
const log = await outbox.openRoom(room, quietHandlers)
for (let index = 0; ; index++) {
  const data = JSON.stringify({ name, index })
  if (log.append({ type: 'mark', data })) writeSync(1, `accepted ${data}\n`)
  writeSync(1, `acknowledged ${log.acknowledgedN}\n`)
  await new Promise((resolve) => setTimeout(resolve, 2))
}
