import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasMongod } from '../support/mongo.ts'

const script = fileURLToPath(new URL('../../../scripts/mongo.mjs', import.meta.url))

function run(...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-mongo-script-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const env = { ...process.env, TMPDIR: folder }
  const child = spawn(process.execPath, [script, ...args], { env })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exit = once(child, 'close').then(([code]) => code as number | null)
  const lines = { out: '', err: '' }
  child.stderr.on('data', (chunk) => (lines.err += String(chunk)))
  const isUp = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk) => {
      lines.out += String(chunk)
      if (lines.out.includes('npm start')) resolve()
    })
  })
  return { child, exit, folder, lines, isUp }
}

test('npm run mongo: a number of members that cannot be is refused in one line', async () => {
  const { exit, lines } = run('--members', '2')
  expect(await exit).toBe(1)
  expect(lines.err).toBe("mongo: expected --members 1, 3 or 5, got '2'\n")
})

describe.skipIf(!(await hasMongod()))('npm run mongo', () => {
  test.each(['SIGHUP', 'SIGINT'] as const)(
    'npm run mongo: %s ends it and leaves nothing behind',
    async (signal) => {
      const { child, exit, folder, lines, isUp } = run('--members', '1')
      await Promise.race([isUp, exit])
      expect(lines.out, lines.err).toMatch(/MONGODB_URI='mongodb:\S+replicaSet=\w+\S*' npm start/)
      expect(readdirSync(folder)).not.toEqual([])
      // As when its terminal is closed: nobody reads its lines any more.
      child.stdout.destroy()
      child.stderr.destroy()
      child.kill(signal)
      expect(await exit).toBe(0)
      expect(readdirSync(folder)).toEqual([])
    },
    90_000,
  )
})
