// Readers of a topic, and a publisher over HTTP, in a process of their own. { port, readers } opens streams; { plan } is
// answered with how old events were when they reached their readers; { port, apiKey, rate, plan } publishes at a rate,
// { port, apiKey, inFlight, ms } as fast as the server answers.
import http from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import { Windows, now } from './windows.mjs'

const STEP_MS = 5
const GRACE_MS = 2_000
let windows = null
// At 1,000 a second, of which each is durable first, more are under way than a flood has.
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 })

process.on('message', (order) => {
  void answerTo(order).then((answer) => process.send(answer))
})
process.on('disconnect', () => process.exit(0))

async function answerTo(order) {
  if (order.readers !== undefined) {
    await Promise.all(Array.from({ length: order.readers }, () => watch(order.port)))
    return { ready: true }
  }
  if (order.inFlight !== undefined) return flood(order)
  if (order.rate !== undefined) return steady(order)
  windows = new Windows(order.plan)
  await wait(windows.end + GRACE_MS - now())
  return { windows: windows.results() }
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function watch(port) {
  const socket = connect(Number(port), '127.0.0.1')
  socket.write('GET /feed?topics=public HTTP/1.1\r\nhost: localhost\r\n\r\n')
  const [head] = await once(socket, 'data')
  if (!head.includes(' 200 ')) throw new Error(`Expected a stream, got ${head}`)
  let rest = ''
  socket.on('data', (bytes) => {
    const at = now()
    const text = rest + bytes.toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    rest = text.slice(end)
    for (const [, t] of text.slice(0, end).matchAll(/"t":([\d.]+)/g))
      windows?.add(Number(t), at - t)
  })
  socket.on('close', () => {
    throw new Error('Expected a stream that stays open')
  })
}

function post({ port, apiKey }) {
  const data = { t: now(), pad: 'x'.repeat(64) }
  const body = JSON.stringify({ topic: 'public', type: 'mark', data })
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      'x-api-key': apiKey,
    }
    const request = http.request(
      { port, host: '127.0.0.1', method: 'POST', path: '/feed/broadcast', headers, agent },
      (response) => {
        response.resume()
        response.on('end', () =>
          response.statusCode === 202
            ? resolve()
            : reject(new Error(`Expected 202, got ${response.statusCode}`)),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

async function flood({ inFlight, ms, ...to }) {
  const begun = now()
  let count = 0
  const lane = async () => {
    for (; now() - begun < ms; count++) await post(to)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return { perSecond: count / ((now() - begun) / 1_000) }
}

async function steady({ rate, plan, ...to }) {
  const answers = new Windows(plan)
  const begun = now()
  let sent = 0
  const timer = setInterval(() => {
    for (const due = ((now() - begun) / 1_000) * rate; sent < due; sent++) {
      const at = now()
      void post(to).then(() => answers.add(at, now() - at))
    }
  }, STEP_MS)
  await wait(answers.end - now())
  clearInterval(timer)
  await wait(GRACE_MS)
  return { windows: answers.results() }
}
