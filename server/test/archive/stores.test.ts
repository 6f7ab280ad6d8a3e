import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { folderArchive } from '../../src/archive/folder/folder-archive.ts'
import type { ArchiveStore } from '../../src/archive/contract.ts'
import { mongoArchive } from '../../src/outbox/stores/mongo/archive.ts'
import { describeArchiveStore } from '../../src/testing/contracts/archive.ts'
import { hasMongo } from '../support/mongo.ts'
import { useMongo } from '../support/use-mongo.ts'
import { MemoryArchive } from './memory-archive.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

async function opened(store: ArchiveStore): Promise<ArchiveStore> {
  await store.open()
  return store
}

describeArchiveStore('a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-archive-'))
  folders.push(folder)
  return {
    store: await opened(folderArchive(folder)),
    again: () => opened(folderArchive(folder)),
  }
})

describeArchiveStore('the one of these tests', async () => {
  const store = new MemoryArchive()
  return { store, again: async () => store }
})

describe.skipIf(!(await hasMongo()))('MongoDB', () => {
  const mongo = useMongo()
  const stores: ArchiveStore[] = []
  let count = 0
  afterAll(async () => {
    for (const store of stores) await store.close()
  })
  describeArchiveStore('MongoDB', async () => {
    const database = mongo.database('archive').databaseName
    const options = { uri: mongo.uri(), database, collectionPrefix: `a${count++}_` }
    const make = async (): Promise<ArchiveStore> => {
      const store = await opened(mongoArchive(options))
      stores.push(store)
      return store
    }
    return { store: await make(), again: make }
  })
})
