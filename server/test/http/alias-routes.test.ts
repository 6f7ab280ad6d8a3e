import { describe, expect, it } from 'vitest'
import { meantRequest } from '../../src/http/alias-routes.ts'
import { MemoryExchange } from '../../src/transport/memory/http.ts'

const meant = (line: string): string => {
  const [method = '', target = ''] = line.split(' ')
  const [path = '', search = ''] = target.split('?')
  const given = new MemoryExchange(
    { method, path: search === '' ? path : `${path}?${search}` },
    () => {},
  )
  const request = meantRequest(given)
  const query = request.query.toString()
  return `${request.method} ${request.path}${query === '' ? '' : `?${query}`}`
}

describe('other names of routes', () => {
  it.each([
    ['GET /api/sse/connect', 'GET /feed?rooms='],
    ['GET /api/sse/connect?filter=alert&rooms=a', 'GET /feed?filter=alert&rooms=a'],
    ['GET /api/v1/sse', 'GET /feed?rooms='],
    ['GET /sse/events?last_event_id=7', 'GET /feed?last_event_id=7&rooms='],
    ['POST /api/sse/broadcast', 'POST /feed/broadcast'],
    ['POST /api/sse/send/ada%2F1', 'POST /feed/send/ada%2F1'],
    ['POST /api/sse/notification', 'POST /feed/notification'],
    ['POST /api/sse/alert', 'POST /feed/alert'],
    ['POST /api/sse/data-update', 'POST /feed/data-update'],
    ['POST /api/demo/start', 'POST /demo/start'],
    ['GET /api/demo/status', 'GET /demo/status'],
    ['GET /sse/stats', 'GET /feed/stats'],
    ['HEAD /sse/stats', 'HEAD /feed/stats'],
    ['GET /sse/connections', 'GET /feed/streams'],
    ['POST /sse/test-event', 'POST /feed/test-event'],
    ['POST /sse/subscribe?connection_id=a%2Fb', 'PATCH /feed/streams/a%2Fb?connection_id=a%2Fb'],
    ['OPTIONS /sse/subscribe', 'OPTIONS /feed/streams/_'],
    // What is no alias stays what it is.
    ['DELETE /api/sse/broadcast', 'DELETE /api/sse/broadcast'],
    ['GET /api/sse/broadcast/x', 'GET /api/sse/broadcast/x'],
    ['GET /feed?rooms=a', 'GET /feed?rooms=a'],
  ])('PU9: %s is %s', (asked, expected) => {
    expect(meant(asked)).toBe(expected)
  })
})
