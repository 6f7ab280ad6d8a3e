import { describe, expect, it } from 'vitest'
import { prefersLines, takesEventStream } from '../../src/http/accept.ts'

describe('FE96 what a reader of streams asks for by Accept', () => {
  it.each([
    'application/x-ndjson',
    'application/ndjson',
    ' Application/X-NDJSON ; charset=utf-8',
    'application/x-ndjson, */*',
    '*/*;q=0.1, application/x-ndjson;q=0.2',
    'application/x-ndjson, text/event-stream;q=0.9',
    'text/event-stream;q=0, application/x-ndjson;q=0.001',
    'application/x-ndjson;q=nonsense',
    'text/html,application/x-ndjson;level=1;q=1.000',
  ])('FE96 %j is lines', (accept) => {
    expect(prefersLines(accept)).toBe(true)
    expect(takesEventStream(accept)).toBe(false)
  })

  it.each([
    '',
    '*/*',
    'text/event-stream',
    'application/*',
    'application/json',
    'application/x-ndjson;q=0',
    'application/x-ndjson; Q = 0.0',
    'text/event-stream, application/x-ndjson',
    'application/x-ndjson;q=0.5, text/event-stream;q=0.6',
    'application/x-ndjsonx',
    'x/application/x-ndjson',
    ',;,;q=1,',
  ])('FE96 %j is no lines', (accept) => {
    expect(prefersLines(accept)).toBe(false)
    expect(takesEventStream(accept)).toBe(accept.includes('text/event-stream'))
  })
})
