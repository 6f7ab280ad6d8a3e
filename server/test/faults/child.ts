import { spawn } from 'node:child_process'
import { once } from 'node:events'

const CHILD_LIMIT_MS = 30_000

/** Runs a file in a process of its own until it kills itself, and returns what it printed. */
export async function runUntilKilled(file: string, args: readonly string[]): Promise<string> {
  const flags = ['--conditions=source', '--import', 'tsx']
  const child = spawn(process.execPath, [...flags, file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), CHILD_LIMIT_MS)
  let out = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  clearTimeout(timer)
  if (signal !== 'SIGKILL') throw new Error(`The child ended with ${code ?? signal}`)
  return out
}
