import { setTimeout as sleep } from 'node:timers/promises'
import { vi } from 'vitest'
import { Router } from '../../src/http/router.ts'
import type { MemoryExchange } from '../../src/transport/memory/http.ts'
import type { TestServer } from '../../src/testing/index.ts'

/** One request of a crawl. */
export interface Visit {
  /** Method and path of the route, as the server has it: `GET /rooms/:id/feed`. */
  readonly title: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** What a visit has brought: status, headers and all of the body that has come. */
export interface Answer {
  readonly visit: Visit
  readonly exchange: MemoryExchange
}

export function wholeText({ exchange }: Answer): string {
  return `${exchange.status} ${JSON.stringify(exchange.headers)}\n${exchange.text()}`
}

/** Notes every route that a server adds from here on: `<method> <path>`. */
export function noteRoutes(): { readonly titles: Set<string>; stop(): void } {
  const titles = new Set<string>()
  const add = Router.prototype.add
  const spy = vi.spyOn(Router.prototype, 'add').mockImplementation(function note(
    this: Router,
    ...route
  ) {
    const [method, path] = route
    titles.add(`${method} ${path}`)
    add.apply(this, route)
  })
  return { titles, stop: () => spy.mockRestore() }
}

/** Asks for all of them at once, and waits until each is answered, or streams. Signatures and packing take real time. */
export async function crawl(
  test: TestServer<never>,
  visits: readonly Visit[],
  {
    headers = {},
    remoteAddress = '127.0.0.1',
  }: { headers?: Readonly<Record<string, string>>; remoteAddress?: string } = {},
): Promise<Answer[]> {
  const answers = visits.map((visit): Answer => {
    const { title, path, body } = visit
    const [method = 'GET'] = title.split(' ')
    const exchange = test.transport.request({
      method,
      path,
      remoteAddress,
      headers: { 'content-type': 'application/json', ...headers, ...visit.headers },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { visit, exchange }
  })
  const isOpen = ({ exchange }: Answer): boolean => exchange.isOpen && exchange.openBody === null
  for (let count = 0; answers.some(isOpen); count++) {
    if (count > 2_000) {
      const left = answers.filter(isOpen).map(({ visit }) => `${visit.title} ${visit.path}`)
      throw new Error(`Expected answers to ${left.join(', ')}`)
    }
    await test.advance(0)
    await sleep(1)
  }
  // What a stream begins with comes in turns of its own, and from an archive in real time.
  for (let count = 0; count < 5; count++) {
    await test.advance(0)
    await sleep(1)
  }
  return answers
}

/** The reader goes away. */
export function leave(answers: readonly Answer[]): void {
  for (const { exchange } of answers) if (exchange.isOpen) exchange.abort()
}
