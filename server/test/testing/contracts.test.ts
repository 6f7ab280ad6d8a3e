import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createVitest } from 'vitest/node'
import { MemoryTransport } from '../../src/index.ts'
import type {
  ListenAddress,
  Transport,
  TransportHandlers,
  TransportOptions,
} from '../../src/index.ts'
import { describeTransport } from '../../src/testing/contracts/index.ts'
import { memorySubject } from '../transport/memory-subject.ts'
import { brokenStores, brokenTransports, brokenWakes } from './broken-parts.ts'

/** As somebody else would write one: with exported types alone. */
class OwnTransport implements Transport {
  readonly inner: MemoryTransport

  constructor(options: TransportOptions) {
    this.inner = new MemoryTransport(options)
  }

  listen(address: ListenAddress, handlers: TransportHandlers): Promise<number> {
    return this.inner.listen(address, handlers)
  }

  publish(topic: string, frame: Uint8Array): void {
    this.inner.publish(topic, frame)
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}

describeTransport(
  'of somebody else',
  memorySubject(
    (options) => new OwnTransport(options),
    ({ inner }) => inner,
  ),
)

test('TK16 a transport is written with exported types alone, and the suite above holds it', () => {
  const options = { maxMessageBytes: 1, maxBufferedBytes: 1, idleTimeoutMs: 1 }
  expect(new OwnTransport(options).inner.connectionCount).toBe(0)
})

describe('TK16 the suites fail on what breaks a contract', async () => {
  const failed = await titlesThatFail('broken-parts.suite.ts')
  const stores = [...brokenStores, ...brokenWakes.map((wake) => ({ ...wake, part: 'wake' }))]

  test.each(stores)('TK16 $part: $what', ({ part, what, seenBy }) => {
    expect(failed.filter((title) => title.startsWith(`${what}: ${part} `))).toContainEqual(
      expect.stringContaining(seenBy),
    )
  })

  test.each(brokenTransports)('TK16 a transport: $what', ({ what, seenBy }) => {
    expect(
      failed.filter((title) => title.startsWith(`transport contract: ${what} `)),
    ).toContainEqual(expect.stringContaining(`> ${seenBy}`))
  })

  test('TK16 they pass on the same parts unbroken', () => {
    expect(failed.filter((title) => title.includes('sound'))).toEqual([])
  })

  test('TK16 the suite of all contracts runs those of each', () => {
    expect(failed.filter((title) => title.startsWith('all of them at once'))).toContainEqual(
      expect.stringContaining('inserts in order'),
    )
  })
})

/** Runs a file of suites in a vitest of its own. */
async function titlesThatFail(file: string): Promise<string[]> {
  const { exitCode } = process
  const vitest = await createVitest('test', {
    root: fileURLToPath(new URL('../../..', import.meta.url)),
    include: [`server/test/testing/${file}`],
    watch: false,
    reporters: [{}],
    // What is broken may never answer.
    testTimeout: 500,
    hookTimeout: 500,
  })
  try {
    const { testModules } = await vitest.start()
    return testModules
      .flatMap(({ children }) => Array.from(children.allTests('failed')))
      .map(({ fullName }) => fullName)
  } finally {
    await vitest.close()
    // That they fail is what is wanted.
    process.exitCode = exitCode
  }
}
