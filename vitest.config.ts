import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'default'] } },
  test: {
    include: [
      '{protocol,server,client,loadtest}/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
    ],
    testTimeout: 20_000,
    maxWorkers: 2,
    // `npm test -- --coverage`; what is generated at run time (state classes, codecs) does not count.
    coverage: {
      include: ['{protocol,server,client}/src/**/*.ts'],
      reportsDirectory: '.cache/coverage',
    },
  },
})
