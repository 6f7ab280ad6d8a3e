import { trace } from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { describe, expect, it } from 'vitest'
import { createServer } from '../../src/server.ts'
import { defineGame } from '@ringside/protocol'
import { MemoryTransport } from '../../src/transport/memory/transport.ts'
import { traceOf } from '../../src/http/tracing.ts'
import type { Tracer } from '../../src/http/tracing.ts'

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

interface Rig {
  readonly lines: { fields: Record<string, unknown>; message: string }[]
  ask(path: string, headers?: Record<string, string>): Promise<number>
  close(): Promise<void>
}

async function startRig(tracer?: Tracer): Promise<Rig> {
  const lines: Rig['lines'] = []
  const line = (fields: object, message: string): void =>
    void lines.push({ fields: { ...fields }, message })
  const transport = new MemoryTransport({
    maxMessageBytes: 1_024,
    maxBufferedBytes: 1_024,
    idleTimeoutMs: 60_000,
  })
  const server = createServer(defineGame({}), {
    transport,
    logger: { debug: line, info: line, warn: line, error: line },
    ...(tracer ? { tracer } : {}),
  })
  server.route('GET', '/seen/:what', (_, response, { traceparent }) =>
    response.send(200, {}, traceparent ?? 'none'),
  )
  server.route('GET', '/fails', async () => {
    await Promise.resolve()
    throw new Error('on purpose')
  })
  await server.listen()
  return {
    lines,
    ask: async (path, headers = {}) => {
      const exchange = transport.request({ method: 'GET', path, headers })
      await exchange.done
      return exchange.status
    },
    close: () => server.close(),
  }
}

function recording(): { tracer: Tracer; spans: InMemorySpanExporter } {
  const spans = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  return { tracer: provider.getTracer('test'), spans }
}

describe('traceparent', () => {
  it('HT40: is read as W3C Trace Context has it, and anything else is none', () => {
    const traceIn = (text: string) => traceOf({ header: () => text })
    expect(traceIn(PARENT)).toBe(PARENT)
    for (const text of [
      '',
      PARENT.toUpperCase(),
      `ff${PARENT.slice(2)}`,
      PARENT.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
      PARENT.replace('00f067aa0ba902b7', '0'.repeat(16)),
      `${PARENT}-x`,
      `${PARENT}\n`,
    ])
      expect(traceIn(text)).toBeNull()
  })

  it('HT42: goes into the lines of its request, and into no others', async () => {
    const rig = await startRig()
    expect(await rig.ask('/fails', { traceparent: PARENT })).toBe(500)
    expect(await rig.ask('/fails')).toBe(500)
    const failures = rig.lines.filter(({ message }) => message === 'HTTP handler failed')
    expect(failures.map(({ fields }) => fields['traceparent'])).toEqual([PARENT, undefined])
    await rig.close()
  })
})

describe('an OpenTelemetry tracer', () => {
  it('HT41: gets a span for each request, a child of its traceparent', async () => {
    const { tracer, spans } = recording()
    const rig = await startRig(tracer)
    expect(await rig.ask('/seen/a', { traceparent: PARENT })).toBe(200)
    expect(await rig.ask('/fails')).toBe(500)
    const [seen, failed] = spans.getFinishedSpans()
    expect(seen).toMatchObject({
      name: 'GET /seen/:what',
      kind: 1,
      parentSpanContext: { traceId: PARENT.slice(3, 35), spanId: PARENT.slice(36, 52) },
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/seen/:what',
        'http.response.status_code': 200,
      },
    })
    expect(seen?.spanContext().traceId).toBe(PARENT.slice(3, 35))
    expect(failed?.parentSpanContext).toBeUndefined()
    expect(failed?.status.code).toBe(2)
    await rig.close()
  })

  it('HT41: one that throws stops nothing', async () => {
    const broken = {
      startSpan() {
        throw new Error('on purpose')
      },
    }
    const rig = await startRig(broken)
    expect(await rig.ask('/seen/a')).toBe(200)
    await rig.close()
    expect(trace.getActiveSpan()).toBeUndefined()
  })
})
