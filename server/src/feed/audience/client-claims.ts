import { createHash, createHmac } from 'node:crypto'
import type { Principal } from '../../auth/principal.ts'
import { RingsideError } from '../../process/errors.ts'
import type { RecordStore } from '../../outbox/contract/store.ts'
import { checkAnonymousId, mayBeAnonymous } from './wish.ts'

/** A claim is kept as long as a checkpoint, from the last time that its half was over. */
const KEPT_MS = 30 * 86_400_000
/** One user has no more clients: each is a record, of which a store in memory holds so many bytes. */
export const MAX_CLIENTS_PER_USER = 50

export interface ClaimsContext {
  readonly records: Pick<RecordStore, 'get' | 'put'>
  /** The store's time in ms. */
  readonly now: () => number
  /** Anonymous ids are hashed under it where they are listed. */
  readonly salt: string
}

/**
 * FE77: the id of a client belongs to the principal that first used it: nobody else may be that client, read what is
 * meant for it or move its checkpoints. Nobody known claims none: such a client is whoever knows its id, until somebody
 * known takes it.
 */
export class ClientClaims {
  readonly #context: ClaimsContext

  constructor(context: ClaimsContext) {
    this.#context = context
  }

  /**
   * Claims the id, or finds that it may be used.
   * @throws RingsideError forbidden when it is somebody else's, or one too many of a user's; bad_request for an anonymous one that may be guessed;
   * what the store throws when it does not answer.
   */
  async claim(clientId: string, { id: principal, kind }: Principal): Promise<void> {
    const { records, now } = this.#context
    if (kind === 'anonymous') checkAnonymousId(clientId)
    const key = keyOf(clientId)
    // Whoever loses the race to write it looks again, once.
    for (let attempt = 0; attempt < 2; attempt++) {
      const known = await records.get(key)
      if (known && known.value !== principal)
        throw new RingsideError('forbidden', 'Expected a clientId of your own')
      const isFresh = known !== null && (known.expiresAt ?? Infinity) - now() > KEPT_MS / 2
      if (kind === 'anonymous' || isFresh) return
      // Whoever holds a key speaks for others, and was chosen by the operator.
      if (!known && kind === 'user') await this.#countFor(principal, clientId)
      const expiresAt = now() + KEPT_MS
      const ifVersion = known?.version ?? 0
      if ((await records.put({ key, value: principal, ifVersion, expiresAt })) !== null) return
    }
    throw new RingsideError('unavailable')
  }

  /**
   * FE151: notes the client among those of its user.
   * @throws RingsideError forbidden where there are too many; unavailable when others were first.
   */
  async #countFor(principal: string, clientId: string): Promise<void> {
    const { records, now } = this.#context
    const key = `feed-clients-of/${createHash('sha256').update(principal).digest('base64url')}`
    const known = await records.get(key)
    let clients = idsIn(known?.value)
    if (clients.includes(clientId)) return
    if (clients.length >= MAX_CLIENTS_PER_USER) {
      const owners = await Promise.all(clients.map((id) => records.get(keyOf(id))))
      clients = clients.filter((_, index) => owners[index]?.value === principal)
    }
    if (clients.length >= MAX_CLIENTS_PER_USER)
      throw new RingsideError(
        'forbidden',
        `Expected one of your ${MAX_CLIENTS_PER_USER} clientIds, which is as many as a user may have`,
      )
    const value = [...clients, clientId].join(' ')
    // It outlives the claims.
    const expiresAt = now() + 2 * KEPT_MS
    const version = await records.put({ key, value, ifVersion: known?.version ?? 0, expiresAt })
    if (version === null) throw new RingsideError('unavailable')
  }

  /** The client as operators see it: the id of an anonymous one is its secret. */
  shown(clientId: string, { kind }: Principal): string {
    return kind === 'anonymous' ? `anonymous:${this.hash(clientId)}` : clientId
  }

  /** The same where only the id is known: as it is once somebody known has claimed it, or where nobody else could. */
  async shownTo(clientId: string): Promise<string> {
    if (!mayBeAnonymous(clientId)) return clientId
    const known = await this.#context.records.get(keyOf(clientId)).catch(() => null)
    return known ? clientId : `anonymous:${this.hash(clientId)}`
  }

  /** The same text gives the same hash, for as long as the process runs. */
  hash(text: string): string {
    const { salt } = this.#context
    return createHmac('sha256', salt).update(text).digest('base64url').slice(0, 16)
  }
}

function keyOf(clientId: string): string {
  return `feed-client/${clientId}`
}

/** No id of a client holds a blank. */
function idsIn(value = ''): readonly string[] {
  return value === '' ? [] : value.split(' ')
}
