import { MongoClient } from 'mongodb'
import type { MongoClientOptions } from 'mongodb'
import { RingsideError } from '../../../process/errors.ts'
import { hasEncodedCredentials, maskAddress, maskText, optionsIn } from './address.ts'
import { assertUsable, withoutIgnored } from './connection-advice.ts'

/**
 * The driver's own patience, below the outbox's: a server that is gone must be noticed while the
 * rooms can still go on.
 */
const driverOptions: MongoClientOptions = {
  appName: 'ringside',
  retryWrites: true,
  retryReads: true,
  connectTimeoutMS: 4_000,
  socketTimeoutMS: 10_000,
  heartbeatFrequencyMS: 2_000,
  waitQueueTimeoutMS: 10_000,
  serverSelectionTimeoutMS: 4_000,
  // Connections that died unseen have mostly died together: after one timeout the rest of the pool must not be tried,
  // at `socketTimeoutMS` each. This is shorter than that, so that by then they are all too old.
  maxIdleTimeMS: 5_000,
}

/**
 * Makes a client that is not connected yet.
 * @throws RingsideError option_invalid for a string that is no MongoDB address, or with which nothing would work; without
 * its secrets.
 */
export function makeClient(uri: string): MongoClient {
  if (!hasEncodedCredentials(uri))
    throw new RingsideError(
      'option_invalid',
      "Expected a MongoDB connection string with user and password percent-encoded, and no other '@'",
    )
  const client = parsed(uri)
  assertUsable(client.options)
  return client
}

function parsed(uri: string): MongoClient {
  const given = optionsIn(uri)
  const defaults = Object.entries(driverOptions).filter(([name]) => !given.has(name.toLowerCase()))
  const kept = withoutIgnored(uri)
  try {
    return new MongoClient(kept, Object.fromEntries(defaults))
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new RingsideError(
      'option_invalid',
      `Expected a MongoDB connection string, got ${maskAddress(uri)}: ${maskText(maskText(text, uri), kept)}`,
    )
  }
}
