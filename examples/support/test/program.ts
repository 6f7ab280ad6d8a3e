import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const children = new Set<ChildProcess>()

/** Runs a program from source; `out` and `err` fill as it prints. `exit` is its code, null = killed. */
export class Program {
  readonly child: ChildProcess
  readonly exit: Promise<number | null>
  out = ''
  err = ''

  constructor(main: URL, env: Record<string, string> = {}, args: readonly string[] = []) {
    const flags = ['--conditions=source', '--import', 'tsx', fileURLToPath(main), ...args]
    const { PATH = '' } = process.env
    this.child = spawn(process.execPath, flags, { env: { PATH, ...env } })
    children.add(this.child)
    this.child.stdout?.on('data', (chunk) => (this.out += String(chunk)))
    this.child.stderr?.on('data', (chunk) => (this.err += String(chunk)))
    this.exit = once(this.child, 'close').then(([code]) => code as number | null)
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
