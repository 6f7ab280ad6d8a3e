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

/** Runs the runner from source. It is interrupted once it has printed `interruptAt`. */
export async function runRunner(
  args: readonly string[],
  { interruptAt }: { interruptAt?: string } = {},
): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-loadtest-'))
  const file = join(folder, 'summary.json')
  try {
    const ran = await runProgram('../src/main.ts', {
      args: [...args, '--summary-export', file],
      interruptAt,
    })
    return { ...ran, summary: readSummary(file) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs a program from source, in a process of its own, until it and all that it has started are gone. */
export async function runProgram(
  path: string,
  { args, interruptAt }: { args: readonly string[]; interruptAt?: string | undefined },
): Promise<Omit<Ran, 'summary'>> {
  const main = fileURLToPath(new URL(path, import.meta.url))
  const flags = ['--conditions=source', '--import', 'tsx', main, ...args]
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += String(chunk)
    if (interruptAt && out.includes(interruptAt)) child.kill('SIGINT')
  })
  child.stderr.on('data', (chunk) => (err += String(chunk)))
  // All pipes are closed once no process that inherited them is left, the workers and the server included.
  const code = await new Promise<number | null>((resolve) => {
    child.on('close', resolve)
  })
  return { code, out, err }
}

function readSummary(file: string): Summary | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Summary
  } catch {
    return null
  }
}
