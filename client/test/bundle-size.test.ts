import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type * as Client from '@ringside/client'
import { build } from 'vite'
import { describe, expect, it } from 'vitest'

const KB = 1024

/**
 * Bundles a module for browsers as an application would, from source; the minified text of all chunks. `conditions` are
 * those that a bundler adds by itself.
 */
async function bundle(
  code: string,
  conditions: readonly string[] = ['production'],
): Promise<string> {
  const entry = fileURLToPath(new URL('./bundle-entry.js', import.meta.url))
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    resolve: { conditions: [...conditions, 'source', 'browser', 'module', 'import', 'default'] },
    plugins: [
      {
        name: 'entry',
        enforce: 'pre',
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? code : null),
      },
    ],
    build: {
      write: false,
      minify: true,
      target: 'es2022',
      modulePreload: false,
      rollupOptions: { input: entry, preserveEntrySignatures: 'strict' },
    },
  })
  const outputs = Array.isArray(result) ? result : [result]
  return outputs
    .flatMap((output) => ('output' in output ? output.output : []))
    .map((file) => (file.type === 'chunk' ? file.code : ''))
    .join('')
}

const everything = `export { connect, openFeed, createFeedState } from '@ringside/client'`
const client = bundle(everything)
const player = bundle(`export { connect } from '@ringside/client'`)
const feed = bundle(`export { openFeed } from '@ringside/client/feed'`)

describe('CN13: the SDK is small', () => {
  it('the whole client with protocol and protobuf is at most 23.5 KB gzipped', async () => {
    const text = await client
    expect(text).toContain('matchmake')
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(23.5 * KB)
  })

  it('what joins and plays, without the feed, is at most 20.6 KB gzipped', async () => {
    const text = await player
    expect(text).toContain('matchmake')
    expect(text).not.toContain('Last-Event-ID')
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(20.6 * KB)
  })

  it('the feed reader alone is at most 4.16 KB gzipped, without protobuf', async () => {
    const text = await feed
    expect(text).toContain('Last-Event-ID')
    expect(text).not.toContain('sint32')
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(4.16 * KB)
  })

  it('a browser bundle holds no Node socket, no eval and no Function constructor', async () => {
    const text = await client
    expect(text).not.toMatch(/node:|perMessageDeflate/)
    expect(text).not.toMatch(/\beval\(|new Function\b/)
  })
})

describe('CN61: a bundle for players leaves out what only a developer reads', () => {
  it('the nearest names are told where the bundler has the condition development, and not elsewhere', async () => {
    for (const conditions of [['production'], []])
      expect(await bundle(everything, conditions)).not.toContain('did you mean')
    expect(await bundle(everything, ['development'])).toContain('did you mean')
  })

  it('names from outside are refused all the same, and numbers outside their range', async () => {
    const text = await client
    const url = `data:text/javascript,${encodeURIComponent(text)}`
    const { connect } = (await import(/* @vite-ignore */ url)) as typeof Client
    const game = { commands: {}, rooms: {} }
    const players = connect(game, 'http://localhost')
    await expect(players.joinOrCreate('areen' as never)).rejects.toThrow(
      /^Expected a room of the contract, got 'areen'$/,
    )
    await expect(players.joinById(undefined as never)).rejects.toThrow(/as text, got a value/)
    await expect(players.reconnect('r', '')).rejects.toThrow(/a token as text, got none/)
    expect(() => connect(game, 'ftp://x')).toThrow(/an http\(s\) address/)
    expect(() => connect(game, 'http://localhost', { joinTimeoutMs: -1 })).toThrow(/joinTimeoutMs/)
    expect(() => connect(game, 'http://localhost', { whileAway: 'x' as never })).toThrow(
      /whileAway/,
    )
  })
})
