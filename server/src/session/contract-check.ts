import {
  clientMismatch,
  contractFingerprint,
  contractText,
  describeContract,
  readContractText,
  textFingerprint,
} from '@ringside/protocol'
import type { BreakingChange, GameContract } from '@ringside/protocol'
import type { Logger } from '../process/logger.ts'

/** Fingerprints whose verdict is remembered: versions that are out in the world, and what is made up by the hostile. */
const MAX_VERDICTS = 1_000
/** Changes that a client is told of; the rest is counted. */
const MAX_TOLD = 3
const MAX_CHANGE_CHARACTERS = 200
/** Of a CONTRACT, what is not its text. */
const ENVELOPE_BYTES = 100

/** What a contract does to its clients: null, they fit; or what differs, for them to be told. */
export type Verdict = string | null

export interface ContractCheckParts {
  readonly logger: Logger
  /** The largest payload that a client can send. */
  readonly maxPayloadBytes: number
}

/**
 * Says whether the contract of a client fits that of the server. What it has compared once it knows by the fingerprint
 * of the text that it has read, never by one that a client claims: nobody can have another's contract judged (SE41).
 */
export class ContractCheck {
  /** Of the server's own contract. */
  readonly fingerprint: string
  readonly #game: GameContract
  readonly #logger: Logger
  /** The newest last. */
  readonly #verdicts = new Map<string, Verdict>()

  /** @throws TypeError for a contract that cannot be printed. */
  constructor(game: GameContract, logger: Logger) {
    // This would throw at every comparison.
    describeContract(game)
    this.#game = game
    this.#logger = logger
    this.fingerprint = contractFingerprint(game)
  }

  /** Undefined for a fingerprint that was never compared, or so long ago that it is forgotten. */
  verdictOn(fingerprint: string): Verdict | undefined {
    if (fingerprint === this.fingerprint) return null
    const verdict = this.#verdicts.get(fingerprint)
    if (verdict !== undefined) this.#remember(fingerprint, verdict)
    return verdict
  }

  /** Compares the contract of a client, unless `text` is not of the fingerprint that it gave: then undefined. */
  judge(fingerprint: string, text: string): Verdict | undefined {
    if (textFingerprint(text) !== fingerprint) return undefined
    // Of several clients that were asked at once, the first has brought the answer.
    const known = this.verdictOn(fingerprint)
    if (known !== undefined) return known
    const verdict = this.#compare(text)
    this.#remember(fingerprint, verdict)
    this.#logger.info({ fingerprint, differs: verdict }, 'Contract of a client compared')
    return verdict
  }

  #compare(text: string): Verdict {
    try {
      const changes = clientMismatch(readContractText(text), this.#game)
      return changes.length === 0 ? null : tellOf(changes)
    } catch {
      return 'The contract cannot be read by this server'
    }
  }

  #remember(fingerprint: string, verdict: Verdict): void {
    this.#verdicts.delete(fingerprint)
    this.#verdicts.set(fingerprint, verdict)
    if (this.#verdicts.size <= MAX_VERDICTS) return
    for (const oldest of this.#verdicts.keys()) {
      this.#verdicts.delete(oldest)
      return
    }
  }
}

/**
 * Makes the check of a server. Null when clients could not send a contract like this one, or it cannot be printed: then
 * none is asked for, which is said in the log.
 */
export function createContractCheck(
  game: GameContract,
  { logger, maxPayloadBytes }: ContractCheckParts,
): ContractCheck | null {
  const bytes = Buffer.byteLength(contractText(game))
  try {
    if (bytes + ENVELOPE_BYTES <= maxPayloadBytes) return new ContractCheck(game, logger)
    logger.warn({ bytes, maxPayloadBytes }, 'Contract over maxPayloadBytes: none is compared')
  } catch (error) {
    logger.warn({ err: error }, 'Contract cannot be printed: none is compared')
  }
  return null
}

function tellOf(changes: readonly BreakingChange[]): string {
  const told = changes.slice(0, MAX_TOLD).map(({ path, change }) => cut(`${path}: ${change}`))
  const rest = changes.length - told.length
  return `The client's contract does not fit: ${told.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`
}

function cut(text: string): string {
  return text.length <= MAX_CHANGE_CHARACTERS ? text : `${text.slice(0, MAX_CHANGE_CHARACTERS)}…`
}
