import { compareContracts, compareFor } from './compare-contracts.ts'
import type { BreakingChange } from './compare-contracts.ts'
import type { GameContract } from './contract.ts'
import { describeContract } from './contract-model.ts'
import { pascalCase } from './field-model.ts'
import type { FieldModel } from './field-model.ts'
import type { MessageModel, MessageRole } from './message-model.ts'
import { stateLayout } from './state-layout.ts'

/**
 * What keeps a client with another contract from this server; empty when they fit. They do when one of the two only
 * adds to the other: an old client passes whatever was added since, and so does a client that is newer than its server.
 *
 * The two contracts alone do not tell whether the client has a field that the server does not have yet, or has no more.
 * It counts as not yet where the server adds nothing of its own and the field's number is above all others of its
 * message; otherwise the client would read a default for good.
 * @throws TypeError for a contract that cannot be printed.
 */
export function clientMismatch(client: GameContract, server: GameContract): BreakingChange[] {
  const [theirs, ours] = [describeContract(client), describeContract(server)]
  const moved = movedPlaces(client, server)
  const asOlder = compareContracts(theirs, ours).filter(breaksClients)
  if (asOlder.length === 0) return moved
  const asNewer = compareFor(NOBODY, ours, theirs).filter(breaksClients)
  return asNewer.length === 0 && onlyAppends(theirs, ours) ? moved : [...asOlder, ...moved]
}

/**
 * Places of a state whose objects are of another class of its patches: two maps share a class where they share a
 * schema, which no description of messages tells.
 */
function movedPlaces(client: GameContract, server: GameContract): BreakingChange[] {
  const changes: BreakingChange[] = []
  for (const [type, { state }] of Object.entries(client.rooms)) {
    const room = Object.hasOwn(server.rooms, type) ? server.rooms[type] : undefined
    const now = room ? stateLayout(room.state).classes : []
    for (const { index, name, fields } of stateLayout(state).classes)
      for (const { number, name: field, target } of fields) {
        const place = now[index]?.fields.find((entry) => entry.number === number)
        if (!target || !place?.target || place.target.index === target.index) continue
        const change = `class ${target.index} of the state became ${place.target.index}`
        changes.push({
          path: `${pascalCase(type)}State ${name}.${field}`,
          change,
          breaks: ['clients'],
        })
      }
  }
  return changes
}

/** A client that is newer reads by its own contract; {@link onlyAppends} looks at what it takes. */
const NOBODY: ReadonlySet<MessageRole> = new Set()

function breaksClients({ breaks }: BreakingChange): boolean {
  return breaks.includes('clients')
}

/** Messages that a client reads: it takes no more in a field than its own contract says. */
const READ_BY_CLIENTS: ReadonlySet<MessageRole> = new Set(['reply', 'event', 'state'])

/**
 * True when every field that only `newer` has comes after all fields of the same object of `older`, and it reads
 * whatever `older` may write.
 */
function onlyAppends(newer: readonly MessageModel[], older: readonly MessageModel[]): boolean {
  const byName = new Map(older.map((message) => [message.name, message]))
  return newer.every(({ name, role, fields }) => {
    const before = byName.get(name)
    // The groups of a patch follow from the state.
    return (
      before === undefined ||
      role === 'patch' ||
      areAppended(fields, { older: before.fields, isRead: READ_BY_CLIENTS.has(role) })
    )
  })
}

function areAppended(
  newer: readonly FieldModel[],
  { older, isRead }: { readonly older: readonly FieldModel[]; readonly isRead: boolean },
): boolean {
  const byNumber = new Map(older.map((field) => [field.number, field]))
  const last = Math.max(0, ...byNumber.keys())
  return newer.every(({ number, max, names, fields }) => {
    const before = byNumber.get(number)
    if (before === undefined) return number > last
    if (isRead && (max ?? 0) < (before.max ?? 0)) return false
    if (isRead && names && before.names && names.length < before.names.length) return false
    return !fields || !before.fields || areAppended(fields, { older: before.fields, isRead })
  })
}
