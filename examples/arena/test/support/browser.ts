import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

const PLACES = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** The path of a Chromium, or null. */
export const chromiumPath = PLACES.find((path) => path !== '' && existsSync(path)) ?? null

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A page that notes what it complains of, asks for, and reads from feeds. */
export interface Tab {
  readonly page: Page
  /** Errors of the console and uncaught ones; of the network only while `isOnline`. */
  readonly complaints: string[]
  /** Paths that were asked for, oldest first. */
  readonly requests: string[]
  /** Refused connections are no complaints while it is false, for the server is meant to be away. */
  isOnline: boolean
}

/** Opens tabs in one real browser. */
export class Tabs implements AsyncDisposable {
  readonly #browser: Browser
  readonly #origin: string

  private constructor(browser: Browser, origin: string) {
    this.#browser = browser
    this.#origin = origin
  }

  static async open(origin: string): Promise<Tabs> {
    if (chromiumPath === null) throw new Error('Expected a Chromium')
    return new Tabs(
      await chromium.launch({ executablePath: chromiumPath, args: ARGUMENTS }),
      origin,
    )
  }

  /** Each tab has its own storage, as another person's would. */
  async tab(path: string, options: BrowserContextOptions = {}): Promise<Tab> {
    const context = await this.#browser.newContext({
      viewport: { width: 1000, height: 640 },
      ...options,
    })
    const page = await context.newPage()
    const tab: Tab = { page, complaints: [], requests: [], isOnline: true }
    page.on('console', (message) => {
      const isNetwork = message.text().startsWith('Failed to load resource')
      if (message.type() === 'error' && (tab.isOnline || !isNetwork))
        tab.complaints.push(message.text())
    })
    page.on('pageerror', (error) => tab.complaints.push(error.stack ?? error.message))
    page.on('request', (request) => {
      const url = new URL(request.url())
      tab.requests.push(url.pathname + url.search)
    })
    await page.addInitScript(recordFeeds)
    await page.goto(this.#origin + path)
    return tab
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
  }
}

/** Runs in the page, before it: keeps the text of every feed that the page reads. */
function recordFeeds(): void {
  const holder = window as unknown as { feedText: string }
  holder.feedText = ''
  const original = window.fetch.bind(window)
  window.fetch = async (...request) => {
    const response = await original(...request)
    const copy = /\/(feed|events|state)(\?|$)/.test(response.url) ? response.clone().body : null
    if (copy)
      void (async () => {
        const reader = copy.pipeThrough(new TextDecoderStream()).getReader()
        for (;;) {
          const { done, value } = await reader.read().catch(() => ({ done: true, value: '' }))
          if (done) return
          holder.feedText += value
        }
      })()
    return response
  }
}

/** Everything that feeds have brought to a page. */
export function feedText(page: Page): Promise<string> {
  return page.evaluate(() => (window as unknown as { feedText: string }).feedText)
}

/** Gives the place where a page draws a player, in units. */
export async function seenAt(page: Page, name: string): Promise<{ x: number; y: number } | null> {
  const seen = (await page.locator('main').getAttribute('data-seen')) ?? ''
  const entry = seen.split('|').find((part) => part.startsWith(`${name}@`))
  const [x, y] = (entry?.slice(name.length + 1) ?? '').split(',').map(Number)
  return x === undefined || y === undefined || Number.isNaN(x) ? null : { x, y }
}
