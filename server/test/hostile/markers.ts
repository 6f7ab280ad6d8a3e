import { createHash, randomBytes } from 'node:crypto'

/** Where a text was seen. */
export interface Seen {
  /** The title of a route (`GET /rooms/:id/feed`), or `ws`, `close`, `log`, `audit hook`, `disk`. */
  readonly surface: string
  /** The address of a request, the name of a player, the name of a file. */
  readonly detail: string
  /** Who looked: a principal of the crawl, or a player. */
  readonly who: string
  /** The test's time in ms. */
  readonly at: number
}

/** May it be there? `ageMs`: how long ago the secret was told to the server. */
export type Rule = (seen: Seen, ageMs: number) => boolean

/** A text that is nowhere else, in every form in which it could leave. */
export class Marker {
  readonly name: string
  readonly text: string
  readonly forms: ReadonlyMap<string, string>
  readonly mayBe: Rule
  /** It must have been seen where it may be, or the test looks past it. */
  readonly isShown: boolean
  plantedAt = Infinity
  seenCount = 0

  constructor(name: string, mayBe: Rule | null, text = randomText(name)) {
    this.name = name
    this.text = text
    this.mayBe = mayBe ?? NOWHERE
    this.isShown = mayBe !== null
    this.forms = formsOf(text)
  }

  /** The form in which the text has it; null: it has not. */
  formIn(text: string): string | null {
    for (const [form, value] of this.forms) if (text.includes(value)) return form
    return null
  }
}

const NOWHERE: Rule = () => false

/** Letters and digits alone, so that neither JSON, nor CSV, nor a URL writes it otherwise. */
function randomText(name: string): string {
  return `${name.replaceAll(/[^a-z]/gi, '')}${randomBytes(9).toString('hex')}`
}

/** Shorter pieces of it could be chance. */
const SHORTEST = 16

function formsOf(text: string): ReadonlyMap<string, string> {
  const bytes = Buffer.from(text)
  const forms = new Map<string, string>([
    ['as it is', text],
    ['percent-encoded', encodeURIComponent(text)],
    ['hex', bytes.toString('hex')],
    ['upper-case hex', bytes.toString('hex').toUpperCase()],
    ['its last half', text.slice(-Math.max(SHORTEST, text.length / 2))],
  ])
  for (const encoding of ['base64', 'base64url'] as const)
    for (let before = 0; before < 3; before++)
      forms.set(`${encoding} after ${before} bytes`, innerBase64(bytes, encoding, before))
  for (const hash of ['sha1', 'sha256', 'sha512', 'md5'] as const)
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      forms.set(
        `${hash} in ${encoding}`,
        createHash(hash).update(text).digest(encoding).slice(0, 22),
      )
  return forms
}

/** What of it is the same wherever it stands in a longer text that is encoded, after so many bytes. */
function innerBase64(bytes: Buffer, encoding: 'base64' | 'base64url', before: number): string {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString(encoding)
  const whole = Math.floor((before + bytes.length) / 3) * 4
  return encoded.slice(before === 0 ? 0 : 4, whole)
}

/** What was found where it must not be. */
export interface Leak {
  readonly marker: string
  readonly form: string
  readonly seen: Seen
  readonly ageMs: number
  readonly around: string
}

/** Looks for all markers in all that was seen. */
export class Watchdog {
  readonly markers: Marker[] = []
  readonly leaks: Leak[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** A new secret; without a rule it may be nowhere. */
  mark(name: string, mayBe: Rule | null = null, text?: string): Marker {
    const marker = new Marker(name, mayBe, text)
    this.markers.push(marker)
    return marker
  }

  /** It has been told to the server. */
  plant(marker: Marker): string {
    if (marker.plantedAt === Infinity) marker.plantedAt = this.#now()
    return marker.text
  }

  look(surface: string, text: string, { detail = '', who = '' } = {}): void {
    const at = this.#now()
    for (const marker of this.markers) {
      const form = marker.formIn(text)
      if (form === null) continue
      const seen = { surface, detail, who, at }
      const ageMs = at - marker.plantedAt
      if (marker.mayBe(seen, ageMs)) {
        marker.seenCount++
        continue
      }
      const index = text.indexOf(marker.forms.get(form) ?? '')
      const around = text.slice(Math.max(0, index - 120), index + 60)
      this.leaks.push({ marker: marker.name, form, seen, ageMs, around })
    }
  }

  /** Each leak in a line, each kind once. */
  get report(): string[] {
    const lines = this.leaks.map(
      ({ marker, form, seen: { surface, detail, who }, ageMs, around }) =>
        `${marker} (${form}) in ${surface} ${detail} by ${who || 'anybody'} at ${ageMs} ms: ${JSON.stringify(around)}`,
    )
    return [...new Set(lines)].slice(0, 12)
  }

  /** Secrets that were shown nowhere: the test would not see them. */
  get unseen(): string[] {
    return this.markers
      .filter(({ isShown, seenCount }) => isShown && seenCount === 0)
      .map(({ name }) => name)
  }
}
