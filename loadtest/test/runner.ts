import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Summary } from '../src/summary.ts'

/** What a run of the runner has printed, its exit code, and its summary where it wrote one. */
export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly summary: Summary | null
}

/** A file of `test/scenarios`. */
export function scenarioFile(name: string): string {
  return fileURLToPath(new URL(`./scenarios/${name}.js`, import.meta.url))
}

/** Runs the runner from source, in a process of its own. `killAfterMs` interrupts it. */
export async function runRunner(
  args: readonly string[],
  { killAfterMs = 0 }: { killAfterMs?: number } = {},
): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-loadtest-'))
  const file = join(folder, 'summary.json')
  try {
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
    const flags = [
      '--conditions=source',
      '--import',
      'tsx',
      main,
      ...args,
      '--summary-export',
      file,
    ]
    const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => (out += String(chunk)))
    child.stderr.on('data', (chunk) => (err += String(chunk)))
    const timer = killAfterMs > 0 ? setTimeout(() => child.kill('SIGINT'), killAfterMs) : null
    // All pipes are closed once no process that inherited them is left, the workers and the server included.
    const code = await new Promise<number | null>((resolve) => {
      child.on('close', resolve)
    })
    if (timer) clearTimeout(timer)
    return { code, out, err, summary: readSummary(file) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readSummary(file: string): Summary | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Summary
  } catch {
    return null
  }
}
