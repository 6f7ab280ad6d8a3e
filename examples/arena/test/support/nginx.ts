import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findNginx, nginxHint } from '../../../../scripts/services.mjs'

/** The path of an nginx, or null. */
export const nginxPath: string | null = findNginx()
export { nginxHint }

const START_MS = 10_000

/** A real nginx that shows a server under a path prefix, which it strips, as docs/operations.md has it. */
export class Nginx implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #folder: string
  readonly port: number

  private constructor(process: ChildProcess, folder: string, port: number) {
    this.#process = process
    this.#folder = folder
    this.port = port
  }

  /** @throws Error when it does not start; its message has what nginx said. */
  static async start(prefix: string, upstreamPort: number): Promise<Nginx> {
    if (nginxPath === null) throw new Error(nginxHint)
    const folder = mkdtempSync(join(tmpdir(), 'ringside-nginx-'))
    const port = await freePort()
    const config = join(folder, 'nginx.conf')
    writeFileSync(config, configOf({ folder, port, prefix, upstreamPort }))
    const child = spawn(nginxPath, ['-p', folder, '-c', config, '-e', 'stderr'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let complaints = ''
    child.stderr.on('data', (chunk) => (complaints += String(chunk)))
    const nginx = new Nginx(child, folder, port)
    const deadline = Date.now() + START_MS
    while (!(await answers(port))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await nginx[Symbol.asyncDispose]()
        throw new Error(`nginx did not start: ${complaints}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return nginx
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#process
    if (exitCode === null && signalCode === null) {
      const gone = once(this.#process, 'exit')
      this.#process.kill('SIGTERM')
      await gone
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

interface Place {
  readonly folder: string
  readonly port: number
  readonly prefix: string
  readonly upstreamPort: number
}

/** Everything that nginx writes goes to the folder; it runs without a user, a daemon or a master of its own. */
function configOf({ folder, port, prefix, upstreamPort }: Place): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  ${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port};
    location ${prefix} {
      proxy_pass http://127.0.0.1:${upstreamPort}/;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_buffering off;
      proxy_read_timeout 75s;
    }
    location / { return 404 "<html>another site</html>"; }
  }
}
`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
