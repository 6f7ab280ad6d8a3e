import { findMongod } from '../../../scripts/mongod.mjs'
import { startReplicaSet } from '../../../scripts/replica-set.mjs'

export { startStandalone } from '../../../scripts/replica-set.mjs'

/** A MongoDB for tests. */
export interface TestMongo {
  readonly uri: string
  stop(): Promise<void>
}

const isCi = process.env['CI'] === 'true' || process.env['CI'] === '1'

/**
 * Whether there is a MongoDB for tests. When there is none the reason is printed and the tests that need one
 * are left out; with CI=true there is no leaving out: they fail.
 */
export async function hasMongo(): Promise<boolean> {
  return process.env['MONGODB_URI'] ? true : hasMongod()
}

/** The same for tests that must kill it, and so need processes of their own whatever MONGODB_URI says. */
export async function hasMongod(): Promise<boolean> {
  try {
    await findMongod({})
    return true
  } catch (error) {
    if (isCi) throw error
    process.stderr.write(`tests on MongoDB are left out: ${String(error)}\n`)
    return false
  }
}

/**
 * `MONGODB_URI` when it is set; else real mongod processes of a replica set with `count` members.
 * @throws Error that says what could not be found and how to get it.
 */
export async function startMongo(count = 1): Promise<TestMongo> {
  const given = process.env['MONGODB_URI']
  return given ? { uri: given, stop: async () => {} } : startReplicaSet({ count })
}
