import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type * as uws from 'uWebSockets.js'
import { RingsideError } from '../../process/errors.ts'
import { explainLoadFailure, thisSystem } from './binaries.ts'
import type { System } from './binaries.ts'

/** The module with its native code. */
export type Uws = typeof uws

/** Heads of requests up to here are taken unless a server says otherwise: as much as Node.js itself takes. */
export const MAX_HEADER_BYTES = 16_384
/** The code that is loaded reads it once, and would take 4,096 by itself. */
const HEADER_VARIABLE = 'UWS_HTTP_MAX_HEADERS_SIZE'
/** Beyond the limit, so that a head that comes in pieces is refused by our own check as one that comes whole is. */
const HEADER_MARGIN_BYTES = 2_048

/** What loads the module; tests have others. */
export interface UwsLoader {
  readonly load: () => Uws
  /** The folder of the package; null when there is none. */
  readonly folder: string | null
  readonly system: System
}

/**
 * Loads uWebSockets.js, at the first `listen`: who only uses the transport in memory (the test kit) needs no binary.
 * @throws RingsideError native_unusable, with what is missing and which versions of Node run on this system.
 */
export function loadUws(
  maxHeaderBytes = MAX_HEADER_BYTES,
  loader: UwsLoader = installedLoader(),
): Uws {
  try {
    return withHeaderBytes(maxHeaderBytes, loader.load)
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error))
    const text = explainLoadFailure(cause, loader.system, loader.folder)
    throw new RingsideError('native_unusable', text, { cause })
  }
}

/** A thread's own environment does not reach native code; then the variable that the process began with holds. */
function withHeaderBytes(maxHeaderBytes: number, load: () => Uws): Uws {
  const { [HEADER_VARIABLE]: before } = process.env
  process.env[HEADER_VARIABLE] = String(maxHeaderBytes + HEADER_MARGIN_BYTES)
  try {
    return load()
  } finally {
    if (before === undefined) delete process.env[HEADER_VARIABLE]
    else process.env[HEADER_VARIABLE] = before
  }
}

/** The folder of the uWebSockets.js that this package would load; null when there is none. */
export function uwsFolder(): string | null {
  try {
    return dirname(createRequire(import.meta.url).resolve('uWebSockets.js'))
  } catch {
    return null
  }
}

function installedLoader(): UwsLoader {
  const require = createRequire(import.meta.url)
  return {
    load: () => require('uWebSockets.js') as Uws,
    get folder() {
      return uwsFolder()
    },
    get system() {
      return thisSystem()
    },
  }
}
