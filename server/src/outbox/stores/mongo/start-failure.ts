import { MongoServerSelectionError } from 'mongodb'
import type { MongoClient, ServerHeartbeatSucceededEvent, TopologyDescription } from 'mongodb'

/**
 * Says why a start failed. "Server selection timed out" is all that the driver says of a server that answers
 * but is not what the connection string asks for, so this notes meanwhile which servers have answered, and as what.
 */
export class StartFailure {
  readonly #client: MongoClient
  /** For each server, the name of the replica set that it has said it belongs to; null: to none. */
  readonly #setNames = new Map<string, string | null>()
  readonly #note = ({ connectionId, reply }: ServerHeartbeatSucceededEvent): void => {
    const { setName } = reply as { readonly setName?: string }
    this.#setNames.set(connectionId, setName ?? null)
  }

  constructor(client: MongoClient) {
    this.#client = client
    client.on('serverHeartbeatSucceeded', this.#note)
  }

  /** Nothing more is noted. */
  stop(): void {
    this.#client.off('serverHeartbeatSucceeded', this.#note)
  }

  /** One sentence without its full stop; it may quote the connection string. */
  explain(error: unknown): string {
    const text = error instanceof Error ? error.message : String(error)
    const isUnselected = error instanceof MongoServerSelectionError
    return this.#otherSet() ?? (isUnselected ? noPrimary(error.reason) : null) ?? text
  }

  #otherSet(): string | null {
    const wanted: string | undefined = this.#client.options.replicaSet
    const names = [...this.#setNames.values()]
    const [name = null] = names
    if (!wanted || names.length === 0 || names.includes(wanted)) return null
    return name === null
      ? `a server that belongs to no replica set: leave replicaSet=${wanted} out`
      : `a replica set of another name: expected replicaSet=${name}, got replicaSet=${wanted}`
  }
}

/**
 * A server that is spoken to directly must be the one that takes writes.
 * @throws Error that says how to name a replica set.
 */
export function assertPrimary(hello: Readonly<Record<string, unknown>>): void {
  if (hello['isWritablePrimary'] !== false) return
  const { setName, primary } = hello
  const now =
    typeof primary === 'string' ? `its primary is ${primary} now` : 'it has no primary now'
  throw new Error(
    `a member that is not primary (${now}): name all members with replicaSet=${String(setName)} instead of directConnection=true`,
  )
}

/** The members as the set itself names them: often names that this machine cannot resolve. */
function noPrimary(topology: TopologyDescription | undefined): string | null {
  if (!topology?.type.startsWith('ReplicaSet')) return null
  const members = Array.from(topology.servers.values(), ({ address, type, error }) => {
    return `${address} (${error ? error.message : type})`
  })
  return `a replica set without a primary: ${members.join(', ')}`
}
