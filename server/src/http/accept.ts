const EVENT_STREAM = 'text/event-stream'
const LINES: ReadonlySet<string> = new Set(['application/x-ndjson', 'application/ndjson'])
const QUALITY = /^\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*$/i

/**
 * FE96: true for a reader of streams that names lines of JSON in `Accept`, and event streams not or as less welcome (RFC 9110
 * section 12.4). Wildcards name neither.
 */
export function prefersLines(accept: string): boolean {
  let lines = 0
  let events = 0
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';')
    const type = name.trim().toLowerCase()
    if (LINES.has(type)) lines = Math.max(lines, qualityOf(parameters))
    else if (type === EVENT_STREAM) events = Math.max(events, qualityOf(parameters))
  }
  return lines > events
}

/** 0 means "not acceptable", and what says nothing, or nonsense, is welcome. */
function qualityOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const quality = QUALITY.exec(parameter)?.[1]
    if (quality !== undefined) return Math.min(1, Number(quality))
  }
  return 1
}

/** True for whoever takes a stream of events, also if lines of JSON would do. */
export function takesEventStream(accept: string): boolean {
  return accept.includes(EVENT_STREAM) && !prefersLines(accept)
}
