import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { describe, expect, it } from 'vitest'

const KB = 1024

/** Bundles a module for browsers as an application would, from source; the minified text of all chunks. */
async function bundle(code: string): Promise<string> {
  const entry = fileURLToPath(new URL('./bundle-entry.js', import.meta.url))
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    resolve: { conditions: ['source', 'browser', 'module', 'import', 'default'] },
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

const client = bundle(`export { connect, openFeed, createFeedState } from '@ringside/client'`)
const feed = bundle(`export { openFeed } from '@ringside/client/feed'`)

describe('CN13: the SDK is small', () => {
  it('the whole client with protocol and protobuf is at most 24 KB gzipped', async () => {
    const text = await client
    expect(text).toContain('matchmake')
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(24 * KB)
  })

  it('the feed reader alone is at most 4 KB gzipped, without protobuf', async () => {
    const text = await feed
    expect(text).toContain('Last-Event-ID')
    expect(text).not.toContain('sint32')
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(4 * KB)
  })

  it('a browser bundle holds no Node socket, no eval and no Function constructor', async () => {
    const text = await client
    expect(text).not.toMatch(/node:|perMessageDeflate/)
    expect(text).not.toMatch(/\beval\(|new Function\b/)
  })
})
