import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { inspect } from 'node:util'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findMongod } from '../../../../scripts/mongod.mjs'
import type { RingsideError } from '../../../src/process/errors.ts'
import { MongoStore } from '../../../src/mongo.ts'
import { hasMongod } from '../../support/mongo.ts'

const PASSWORD = 'p@ss:w/rd?1'

/** What cannot be had here is said; with CI=true that is a failure. */
function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch (error) {
    if (process.env['CI'] === 'true') throw error
    process.stderr.write(
      'tests of TLS are left out: there is no openssl (apt-get install openssl)\n',
    )
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

describe.runIf((await hasMongod()) && hasOpenssl())('OB13 a MongoDB with TLS and users', () => {
  const folder = join(tmpdir(), `ringside-tls-${process.pid}`)
  const certificate = join(folder, 'certificate.pem')
  const tls = `tls=true&tlsCAFile=${encodeURIComponent(certificate)}`
  let port = 0
  let stop = async (): Promise<void> => {}

  beforeAll(async () => {
    mkdirSync(folder)
    const key = join(folder, 'key.pem')
    const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    const made = ['-keyout', key, '-out', certificate, '-days', '2', ...names]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...made], {
      stdio: 'ignore',
    })
    const both = join(folder, 'server.pem')
    writeFileSync(both, readFileSync(key, 'utf8') + readFileSync(certificate, 'utf8'))
    port = await freePort()
    const place = ['--dbpath', folder, '--port', String(port), '--bind_ip', '127.0.0.1']
    const secured = ['--auth', '--tlsMode', 'requireTLS', '--tlsCertificateKeyFile', both]
    const child = spawn(await findMongod({}), [...place, ...secured], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    stop = async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    let said = ''
    for await (const line of createInterface({ input: child.stdout })) {
      said += `${line}\n`
      if (line.includes('Waiting for connections')) break
    }
    if (!said.includes('Waiting for connections')) throw new Error(`mongod has ended:\n${said}`)
    child.stdout.resume()
    // The first user, who makes the others, may be made from this machine without one.
    const root = { createUser: 'root', pwd: 'root', roles: ['root'] }
    const arena = {
      createUser: 'arena',
      pwd: PASSWORD,
      roles: [{ role: 'readWrite', db: 'game' }],
    }
    await as('', (client) => client.db('admin').command(root))
    await as('root:root@', (client) => client.db('game').command(arena))
  }, 60_000)

  afterAll(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function as(who: string, work: (client: MongoClient) => Promise<unknown>): Promise<void> {
    const client = await MongoClient.connect(`mongodb://${who}127.0.0.1:${port}/?${tls}`)
    await work(client)
    await client.close()
  }

  const uri = (password: string, options: string): string =>
    `mongodb://arena:${encodeURIComponent(password)}@127.0.0.1:${port}/game?${options}`

  async function failureOf(address: string): Promise<RingsideError> {
    const store = new MongoStore({ uri: address })
    return store.open().then(
      () => Promise.reject(new Error('It opened')),
      (error: unknown) => error as RingsideError,
    )
  }

  test('OB13 OB80 the string alone gives TLS and user; the role readWrite is enough', async () => {
    const store = new MongoStore({ uri: uri(PASSWORD, tls) })
    await store.open()
    const first = await store.events.allocate(1)
    expect(await store.marks.counter()).toBe(first)
    await store.checkpoints.save([{ clientId: 'ada', feedName: '', seq: first, selection: '' }])
    expect(await store.checkpoints.of('ada', '')).toEqual({ seq: first, selection: '' })
    await store.close()
  })

  test.each([
    ['a wrong password', () => uri(`${PASSWORD}2`, tls), /Authentication failed/],
    ['no TLS', () => uri(PASSWORD, 'tls=false'), /Expected a MongoDB at/],
    ['a certificate that nobody vouches for', () => uri(PASSWORD, 'tls=true'), /certificate/],
  ])('OB13 %s: said in time, without the password', async (_what, address, message) => {
    const begun = performance.now()
    const error = await failureOf(address())
    expect(error.code).toBe('outbox_unreachable')
    expect(error.message).toMatch(message)
    expect(error.message).toContain(`mongodb://***@127.0.0.1:${port}/game`)
    expect(performance.now() - begun).toBeLessThan(9_000)
    const everything = inspect(error, { depth: 20, showHidden: true })
    expect(everything).not.toContain(PASSWORD)
    expect(everything).not.toContain(encodeURIComponent(PASSWORD))
  })
})
