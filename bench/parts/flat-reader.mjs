// Reads as spectators do, over HTTP, and checks the answers: a read that was refused must not pass for a quick one.
import { get } from 'node:http'

const SHOWN = /^event: (?!hello|snapshot|caught-up)/gm

/** Measures the ms until a stream has caught up, or has shown the end of its room; it must have shown `events` by then. */
export function watch(port, path, events) {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const request = get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        // This is the end of the text before, for the name that is looked for may be cut in two.
        const from = Math.max(0, text.length - 20)
        text += chunk
        const late = text.slice(from)
        if (!late.includes('event: caught-up') && !late.includes('event: end')) return
        const ms = performance.now() - begun
        request.destroy()
        const shown = text.match(SHOWN)?.length ?? 0
        const hasReset = text.includes('event: reset')
        if (hasReset || !isNear(shown, events)) reject(new Error(wrong(path, events, shown)))
        else resolve(ms)
      })
      response.on('end', () => reject(new Error(wrong(path, events, 'the end of the stream'))))
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}

/** Measures the ms until an answer is there; `check` is given its JSON. */
export function ask(port, path, check) {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const request = get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const ms = performance.now() - begun
        const body = Buffer.concat(chunks).toString()
        if (response.statusCode === 200 && check(JSON.parse(body))) resolve(ms)
        else reject(new Error(`${path}: got ${response.statusCode} ${body.slice(0, 200)}`))
      })
    })
    request.on('error', reject)
  })
}

/** Each server that has gone on with a room has left its marker in it. */
function isNear(shown, events) {
  return shown >= events && shown <= events + 40
}

function wrong(path, expected, got) {
  return `${path}: expected ${expected} events, got ${got}`
}
