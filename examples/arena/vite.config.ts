import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The browser side: one page, hashed assets, nothing inline, so `default-src 'self'` is enough. */
export default defineConfig({
  root: here('./src/web'),
  publicDir: here('./src/web/public'),
  // Relative, for a proxy may show the server under a path. The server puts a <base> into the page.
  base: './',
  plugins: [
    {
      name: 'base-of-the-development-server',
      apply: 'serve',
      transformIndexHtml: (page) => page.replace('<head>', '<head><base href="/">'),
    },
  ],
  // `vite dev` has the client's checks of arguments, a build has not.
  resolve: {
    conditions: ['development|production', 'source', 'browser', 'module', 'import', 'default'],
  },
  build: {
    outDir: here('./dist/web'),
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Phaser alone is above Vite's default of 500 kB; it is loaded only by the pages that draw with it.
    chunkSizeWarningLimit: 1_700,
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(
      ['/rooms', '/feed', '/matchmake', '/demo', '/health'].map((path) => [
        path,
        'http://127.0.0.1:8080',
      ]),
    ),
  },
})
