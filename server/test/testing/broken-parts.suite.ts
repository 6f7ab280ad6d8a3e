import {
  describeCheckpointStore,
  describeEventStore,
  describeLogStore,
  describeMarkStore,
  describeRecordStore,
  describeRoomStore,
  describeSnapshotStore,
  describeStoreClock,
  describeTransport,
  describeWakeSource,
} from '../../src/testing/contracts/index.ts'
import { memorySubject } from '../transport/memory-subject.ts'
import {
  brokenStores,
  brokenTransports,
  brokenWakes,
  storeOf,
  transportOf,
} from './broken-parts.ts'

// `contracts.test.ts` runs this file in a vitest of its own, and wants every suite of it to fail but the last two.

const suites = {
  checkpoints: describeCheckpointStore,
  clock: describeStoreClock,
  events: describeEventStore,
  marks: describeMarkStore,
  records: describeRecordStore,
  rooms: describeRoomStore,
  snapshots: describeSnapshotStore,
} as const

for (const broken of brokenStores) suites[broken.part](broken.what, () => storeOf(broken))
for (const broken of brokenWakes) describeWakeSource(broken.what, () => storeOf(broken))
for (const broken of brokenTransports)
  describeTransport(
    broken.what,
    memorySubject(
      (options) => transportOf(broken, options),
      (transport) => transport,
    ),
  )

const [aStore] = brokenStores
if (aStore) describeLogStore('all of them at once', () => storeOf(aStore))

// What is not broken passes here too, so that it is not the run that fails.
const nothing = { what: 'sound', seenBy: '' }
describeLogStore(nothing.what, () => storeOf({ change: () => ({}) }))
describeTransport(
  nothing.what,
  memorySubject(
    (options) => transportOf(nothing, options),
    (transport) => transport,
  ),
)
