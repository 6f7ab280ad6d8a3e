import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/server/main.ts', import.meta.url))
const children = new Set<ChildProcess>()

/** Runs the real program from source; `out` and `err` fill as it prints. */
export class Program {
  readonly child: ChildProcess
  readonly exit: Promise<number | null>
  out = ''
  err = ''

  constructor(env: Record<string, string>) {
    const flags = ['--conditions=source', '--import', 'tsx']
    const { PATH = '' } = process.env
    this.child = spawn(process.execPath, [...flags, MAIN], { env: { PATH, ...env } })
    children.add(this.child)
    this.child.stdout?.on('data', (chunk) => (this.out += String(chunk)))
    this.child.stderr?.on('data', (chunk) => (this.err += String(chunk)))
    this.exit = once(this.child, 'exit').then(([code]) => code as number | null)
  }

  async printed(pattern: RegExp): Promise<string> {
    for (let attempt = 0; attempt < 600; attempt++) {
      const match = pattern.exec(this.out)
      if (match) return match[1] ?? match[0]
      if (this.child.exitCode !== null) break
      await new Promise((resolve) => {
        setTimeout(resolve, 50)
      })
    }
    throw new Error(`Expected ${String(pattern)}, got ${this.out}${this.err}`)
  }
}

/** Ends every program that still runs. */
export function killPrograms(): void {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
}
