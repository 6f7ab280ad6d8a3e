import type { MongoOptions } from 'mongodb'
import { clipText } from '@ringside/protocol'
import { invalid } from '../../../process/argument.ts'
import { optionValuesIn, withoutOptions } from './address.ts'

/** An option of the connection string that harms the log, or that it does not follow. */
export interface ConnectionAdvice {
  readonly option: string
  /** As the driver has read it; never a secret. */
  readonly value: string | number | boolean
  /** One sentence without its full stop. */
  readonly advice: string
}

type NumberOption =
  | 'maxPoolSize'
  | 'waitQueueTimeoutMS'
  | 'socketTimeoutMS'
  | 'serverSelectionTimeoutMS'
  | 'connectTimeoutMS'
  | 'heartbeatFrequencyMS'

interface Bounds {
  readonly option: NumberOption
  /** With less nothing works, and the string is refused. */
  readonly usable: number
  readonly min: number
  readonly max: number
  /** 0 stands for "no bound", and the log needs one. */
  readonly isZeroBad: boolean
  readonly why: string
}

/** A quiet change stream answers each second, within the patience of a socket. */
const bounds: readonly Bounds[] = [
  {
    option: 'maxPoolSize',
    usable: 1,
    min: 18,
    max: Infinity,
    isZeroBad: false,
    why: 'the log uses 10 connections at once, and 8 more while spectators look back: with fewer its writes wait for reads',
  },
  {
    option: 'waitQueueTimeoutMS',
    usable: 100,
    min: 1_000,
    max: 30_000,
    isZeroBad: true,
    why: 'a new connection takes longer than too little, and whoever waits for one must be told in time',
  },
  {
    option: 'socketTimeoutMS',
    usable: 100,
    min: 2_000,
    max: 30_000,
    isZeroBad: true,
    why: 'a quiet change stream answers each 1,000 ms, and a connection that has lost its peer must be noticed',
  },
  {
    option: 'serverSelectionTimeoutMS',
    usable: 100,
    min: 500,
    max: 10_000,
    isZeroBad: true,
    why: 'that long nothing tells that no primary is there',
  },
  {
    option: 'connectTimeoutMS',
    usable: 100,
    min: 500,
    max: 10_000,
    isZeroBad: true,
    why: 'that long a server that is gone passes for one that is slow',
  },
  {
    option: 'heartbeatFrequencyMS',
    usable: 1,
    min: 1,
    max: 10_000,
    isZeroBad: false,
    why: 'that long a primary that is gone is not noticed',
  },
]

/** @throws RingsideError option_invalid for a number with which nothing would work. */
export function assertUsable(options: Readonly<MongoOptions>): void {
  const { minPoolSize, maxPoolSize } = options
  // The driver finds out when it connects, and then somewhere else than where it was asked to.
  if (maxPoolSize > 0 && minPoolSize > maxPoolSize)
    throw invalid(
      `Expected minPoolSize within maxPoolSize in the MongoDB connection string, got ${minPoolSize} and ${maxPoolSize}`,
    )
  for (const { option, usable } of bounds) {
    const value = numberOf(options, option)
    if (value > 0 && value < usable)
      throw invalid(
        `Expected ${option} of ${usable} or more in the MongoDB connection string, got ${value}`,
      )
  }
}

/** What an operator should know of the options of a connection string: nothing, with the defaults. */
export function adviceOn(options: Readonly<MongoOptions>, uri: string): ConnectionAdvice[] {
  return [...numberAdvice(options), ...idleAdvice(options), ...ignoredAdvice(uri)]
}

/** The same, once the server has said what it is. */
export function adviceOnMember(
  options: Readonly<MongoOptions>,
  hello: Readonly<Record<string, unknown>>,
): ConnectionAdvice[] {
  const { hosts, setName } = hello
  if (!options.directConnection || !Array.isArray(hosts) || hosts.length < 2) return []
  const advice = `this is one of ${hosts.length} members, and nobody looks for the next primary: name all members with replicaSet=${String(setName)} instead`
  return [{ option: 'directConnection', value: true, advice }]
}

function numberAdvice(options: Readonly<MongoOptions>): ConnectionAdvice[] {
  return bounds.flatMap(({ option, min, max, isZeroBad, why }) => {
    const value = numberOf(options, option)
    const isRight = value === 0 ? !isZeroBad : value >= min && value <= max
    if (isRight) return []
    const range = max === Infinity ? `${min} or more` : `${min} to ${max}`
    return [{ option, value, advice: `expected ${range}: ${why}` }]
  })
}

function idleAdvice({
  maxIdleTimeMS,
  socketTimeoutMS,
}: Readonly<MongoOptions>): ConnectionAdvice[] {
  const isShorter = maxIdleTimeMS > 0 && maxIdleTimeMS <= socketTimeoutMS
  if (isShorter || socketTimeoutMS === 0) return []
  const advice = `expected 1 to socketTimeoutMS (${socketTimeoutMS}): after one dead connection the idle ones are tried one by one`
  return [{ option: 'maxIdleTimeMS', value: maxIdleTimeMS, advice }]
}

/**
 * Options that would change how the log is read and written, which its rules say: they are taken out of the string
 * before the driver reads it. Each with the value that asks for what is done anyway, and with what is done.
 */
const ignored: readonly (readonly [option: string, harmless: string | null, done: string])[] = [
  ['readPreference', 'primary', 'the primary is read'],
  ['readPreferenceTags', null, 'the primary is read'],
  ['maxStalenessSeconds', null, 'the primary is read'],
  ['readConcernLevel', 'majority', 'what a majority has is read'],
  ['w', 'majority', 'a majority is waited for'],
  ['journal', 'true', 'writes are journalled'],
  ['j', 'true', 'writes are journalled'],
  ['wtimeoutMS', null, 'a majority is waited for'],
  ['wtimeout', null, 'a majority is waited for'],
  ['timeoutMS', null, 'socketTimeoutMS bounds each operation'],
  ['useBigInt64', 'false', 'numbers are read as the log needs them'],
  ['promoteLongs', 'true', 'numbers are read as the log needs them'],
  ['promoteValues', 'true', 'values are read as the log needs them'],
  ['promoteBuffers', 'false', 'values are read as the log needs them'],
  ['bsonRegExp', 'false', 'values are read as the log needs them'],
  ['ignoreUndefined', null, 'documents are written as the log needs them'],
  ['serializeFunctions', null, 'documents are written as the log needs them'],
  ['fieldsAsRaw', null, 'documents are read as the log needs them'],
  ['raw', 'false', 'documents are read as the log needs them'],
]

/** The connection string as the driver gets it. */
export function withoutIgnored(uri: string): string {
  return withoutOptions(uri, new Set(ignored.map(([option]) => option.toLowerCase())))
}

function ignoredAdvice(uri: string): ConnectionAdvice[] {
  const given = optionValuesIn(uri)
  return ignored.flatMap(([option, harmless, done]) => {
    const value = given.get(option.toLowerCase())
    if (value === undefined || value.toLowerCase() === harmless) return []
    return [{ option, value: clipText(value, 80), advice: `it has no effect: ${done}` }]
  })
}

function numberOf(options: Readonly<MongoOptions>, option: NumberOption): number {
  return options[option]
}
