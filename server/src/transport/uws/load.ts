import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type * as uws from 'uWebSockets.js'
import { RingsideError } from '../../process/errors.ts'
import { explainLoadFailure, thisSystem } from './binaries.ts'
import type { System } from './binaries.ts'

/** The module with its native code. */
export type Uws = typeof uws

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
export function loadUws(loader: UwsLoader = installedLoader()): Uws {
  try {
    return loader.load()
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error))
    const text = explainLoadFailure(cause, loader.system, loader.folder)
    throw new RingsideError('native_unusable', text, { cause })
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
