import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { fileStem } from '../../src/archive/folder/file-names.ts'
import { folderArchive } from '../../src/archive/folder/folder-archive.ts'
import type { FolderArchiveOptions } from '../../src/archive/folder/folder-archive.ts'
import { ArchiveRig } from './archive-rig.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-archive-'))
  folders.push(folder)
  return folder
}

async function archivedIn(folder: string, id = 'a'): Promise<ArchiveRig> {
  const rig = await ArchiveRig.start({ archive: folderArchive(folder) })
  const match = await rig.room(id)
  await match.play(3_000)
  await match.end()
  await rig.until(() => rig.archive.archivist.writtenCount === 1, 1)
  return rig
}

function fileOf(folder: string, end: string): string {
  const name = readdirSync(folder).find((each) => each.endsWith(end))
  if (name === undefined) throw new Error(`Expected a file ${end}`)
  return join(folder, name)
}

describe('an archive in a folder', () => {
  it('FE118 FE121 a match is two files, and its events are NDJSON that other programs read', async () => {
    const folder = newFolder()
    const rig = await archivedIn(folder)
    expect(readdirSync(folder).map((name) => name.replace(/\.[0-9a-f]{8,12}/g, ''))).toEqual(
      expect.arrayContaining(['a.match.json', 'a.ndjson.gz']),
    )
    expect(readdirSync(folder)).toHaveLength(2)
    const text = execFileSync('gzip', ['-dc', fileOf(folder, '.gz')], { encoding: 'utf8' })
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { n: number; type: string; data: unknown })
    const events = lines.filter(({ type }) => type !== '_state')
    expect(events.map(({ n }) => n)).toEqual(events.map((_, index) => index + 1))
    expect(events[1]).toMatchObject({ type: 'patch', data: { score: 1 } })
    expect(text + readFileSync(fileOf(folder, '.json'), 'utf8')).not.toContain('"SECRET"')
    await rig.stop()
  })

  it('FE118 a file that was cut short or changed is told of, and its match is not served', async () => {
    const folder = newFolder()
    const rig = await archivedIn(folder)
    const match = await rig.archive.reader.find('a')
    if (!match) throw new Error('Expected the match')
    const data = fileOf(folder, '.gz')
    const whole = readFileSync(data)
    const refused = { code: 'past_retention' }
    truncateSync(data, 2_000)
    await expect(
      rig.archive.reader.read(match, { after: match.chunks[0]?.after ?? 0, limit: 1 }),
    ).rejects.toMatchObject(refused)
    whole[1_000] = (whole[1_000] ?? 0) ^ 0xff
    writeFileSync(data, whole)
    await expect(rig.archive.reader.eventOf(match, 1)).rejects.toMatchObject(refused)
    expect(rig.archive.reader.brokenCount).toBe(1)
    expect(rig.logged).toContain('a match of the archive is damaged')
    rmSync(data)
    await expect(rig.archive.reader.eventOf(match, 1)).rejects.toMatchObject(refused)
    await rig.stop()
  })

  it.each([
    ['no JSON', '{'],
    ['another shape', '{"room":"a"}'],
    ['null', 'null'],
    ['facts of another room', JSON.stringify({ room: 'b' })],
  ])('FE118 facts that are %s are no match', async (_what, text) => {
    const folder = newFolder()
    const rig = await archivedIn(folder)
    writeFileSync(fileOf(folder, '.json'), text)
    const store = folderArchive(folder)
    await store.open()
    expect(await store.find('a')).toBeNull()
    expect(await store.stats()).toEqual({ matches: 0, bytes: 0 })
    await rig.stop()
  })

  it('FE118 facts lead to no other file than the match’s own', async () => {
    const folder = newFolder()
    const rig = await archivedIn(folder)
    const path = fileOf(folder, '.json')
    const facts = JSON.parse(readFileSync(path, 'utf8')) as object
    const outside = join(tmpdir(), 'outside')
    for (const file of ['../outside', outside, '', 7, `b${'.0'.repeat(4)}.ndjson.gz`]) {
      writeFileSync(path, JSON.stringify({ ...facts, file }))
      const store = folderArchive(folder)
      expect(await store.find('a')).toBeNull()
    }
    await rig.stop()
  })

  it.each(['../a', '..', 'a/b', 'a\\b', 'a\0', '', 'x'.repeat(65), 'ä', 'a.b', 'a b'])(
    'FE118 %j is no id of a room, and names no file',
    async (room) => {
      const folder = newFolder()
      const store = folderArchive(folder)
      await store.open()
      await expect(store.find(room)).rejects.toThrow('Expected an id of a room')
      await expect(store.begin(room)).rejects.toThrow('Expected an id of a room')
      expect(readdirSync(folder)).toEqual([])
    },
  )

  it('FE118 foreign files are never touched, and what a dead process left behind goes after a day', async () => {
    const folder = newFolder()
    const foreign = ['notes.txt', 'a.ndjson.gz', 'a.0000.match.json', `${fileStem('a')}.txt`]
    for (const name of foreign) writeFileSync(join(folder, name), 'mine')
    const left = [
      `${fileStem('a')}.0123456789ab.ndjson.gz`,
      `${fileStem('a')}.0123456789ab.ndjson.gz.part`,
      `${fileStem('a')}.match.json.0123456789ab.part`,
    ]
    for (const name of left) writeFileSync(join(folder, name), 'half')
    await folderArchive(folder).open()
    expect(readdirSync(folder).sort()).toEqual([...foreign, ...left].sort())
    const old = new Date(Date.now() - 25 * 3_600_000)
    for (const name of [...foreign, ...left]) utimesSync(join(folder, name), old, old)
    await folderArchive(folder).open()
    expect(readdirSync(folder).sort()).toEqual([...foreign].sort())
  })

  it('FE119 a folder that cannot be made is told of and tried again, and the log goes on', async () => {
    const folder = newFolder()
    const path = join(folder, 'file')
    writeFileSync(path, '')
    const rig = await ArchiveRig.start({ archive: folderArchive(join(path, 'archive')) })
    const match = await rig.room('a')
    await match.end()
    await rig.until(() => rig.archive.archivist.isFailing, 1)
    expect(rig.logged).toContain('the archive fails: it could not be opened')
    await rig.cut(rig.outbox.sealed)
    rmSync(path)
    const next = await rig.room('b')
    await next.end()
    await rig.until(() => rig.archive.archivist.writtenCount > 0)
    expect(existsSync(join(path, 'archive'))).toBe(true)
    await rig.stop()
  })

  it.each<[unknown, unknown]>([
    ['', {}],
    [7, {}],
    ['x', { maxBytes: 1 }],
    ['x', { maxBytes: Number.NaN }],
    ['x', { maxByte: 1e9 }],
  ])('FE118 folderArchive(%j, %j) is refused', (path, options) => {
    expect(() => folderArchive(path as string, options as FolderArchiveOptions)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    )
  })
})
