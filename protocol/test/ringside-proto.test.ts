import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cli = join(root, 'protocol', 'bin', 'ringside-proto.mjs')
const folder = mkdtempSync(join(tmpdir(), 'ringside proto-'))
afterAll(() => rmSync(folder, { recursive: true }))

const library = pathToFileURL(join(root, 'protocol', 'src', 'index.ts')).href
const contract = (id: number, name: string): string =>
  `export const ${name} = defineGame({ commands: { hit: command(${id}, { target: str(1) }) } })\n`
const write = (name: string, ...lines: string[]): string => {
  const path = join(folder, name)
  writeFileSync(path, lines.join(''))
  return path
}
const imports = `import { command, defineGame, str } from '${library}'\n`
const one = write('one.mjs', imports, contract(1, 'game'), 'export const other = 5\n')
const moved = write('moved.mjs', imports, contract(2, 'game'))
const two = write('two.mjs', imports, contract(1, 'a'), contract(2, 'b'))

/** Runs the command from source. */
function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=source', '--import', 'tsx', cli, ...args],
    { cwd: root, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } },
  )
  return { status, stdout, stderr }
}

// Each run starts a process, which takes seconds on a busy machine.
describe('ringside-proto', { timeout: 120_000 }, () => {
  it('PR11: prints the only contract of a module, with paths that hold spaces', () => {
    const { status, stdout } = run(one, '--package', 'mine')
    expect(status).toBe(0)
    expect(stdout).toContain('package mine;')
    expect(stdout).toContain('// command hit, id 0x00000001\nmessage HitCommand {')
  })

  it('PR11: compares with an earlier .proto or .json: 0 when nothing breaks, 1 with a list', () => {
    const proto = write('old.proto', run(one).stdout)
    const json = write('old.json', run(one, '--json').stdout)
    for (const old of [proto, json]) {
      expect(run(one, '--compare', old)).toMatchObject({ status: 0, stdout: 'nothing breaks\n' })
      const { status, stdout } = run(moved, '--compare', old)
      expect(status).toBe(1)
      expect(stdout).toContain('HitCommand: id 0x00000001 became 0x00000002 (breaks old clients)')
    }
  })

  it('PR11: says what is wrong and exits with 2', () => {
    expect(run(two)).toMatchObject({ status: 2 })
    expect(run(two).stderr).toContain('got 2; name the export')
    expect(run(two, 'b').stdout).toContain('id 0x00000002')
    expect(run(one, 'other').stderr).toContain("as export 'other'")
    expect(run(join(folder, 'none.mjs')).status).toBe(2)
    expect(run().status).toBe(2)
    expect(run(one, '--compare', write('not.proto', 'syntax')).stderr).toContain('not.proto')
  })
})
