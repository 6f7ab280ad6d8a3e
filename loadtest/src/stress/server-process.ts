import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RunFailure, exitCodes } from '../failure.ts'

/** What the server under load uses at one moment. */
export interface ServerSample {
  readonly rssBytes: number
  /** Time on a core since its start. */
  readonly cpuMs: number
  /** Players with a seat in a room. */
  readonly players: number
}

/** A server that was started for a run. */
export interface LoadServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  sample(): Promise<ServerSample>
  stop(): Promise<void>
}

/**
 * Starts the server of the load in a process of its own; it ends with this one.
 * @throws RunFailure when it does not come up.
 */
export async function startLoadServer(signal: AbortSignal): Promise<LoadServer> {
  const file = new URL(`./server-main${extname(import.meta.url)}`, import.meta.url)
  const child = fork(fileURLToPath(file), [], { env: { PATH: process.env['PATH'] } })
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  const { port } = (await nextMessage(child)) as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    async sample() {
      const answer = nextMessage(child)
      child.send('sample', () => undefined)
      return (await answer) as ServerSample
    },
    async stop() {
      signal.removeEventListener('abort', kill)
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      kill()
      await ended
    },
  }
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage)
      reject(new RunFailure(`The server ended (${code ?? signal})`, exitCodes.scriptFailed))
    }
    const onMessage = (message: unknown): void => {
      child.off('exit', onExit)
      resolve(message)
    }
    child.once('exit', onExit)
    child.once('message', onMessage)
  })
}
