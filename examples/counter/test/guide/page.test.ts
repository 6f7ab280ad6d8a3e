import { expect, test } from 'vitest'
import { createFeedState, openFeed } from '@ringside/client'
import type { FeedOptions } from '@ringside/client'
import { FakeFeed } from '@ringside/server/testing'
import { game } from '../../src/game.ts'

/** The page under test: a line of text that follows a room. */
function scoreLine(room: string, address: string, options: FeedOptions): { text: string } {
  const line = { text: 'connecting' }
  const state = createFeedState()
  const show = (): void => {
    const counter = state.get()?.state as { total: number } | undefined
    line.text = counter ? `${counter.total}` : 'connecting'
  }
  const onStatus: FeedOptions['onStatus'] = (status) => {
    if (status === 'reconnecting') line.text += ' (offline)'
  }
  openFeed({ address, room }, { ...options, state, onStatus, onSnapshot: show, onPatch: show })
  return line
}

test('TK15 the line follows the total, says when it is offline, and comes back', async () => {
  const feed = new FakeFeed(game, 'counter', { state: { players: {}, total: 1 } })
  const line = scoreLine(feed.room, feed.address, feed.options)
  await feed.settle()
  expect(line.text).toBe('1')

  feed.patch((state) => {
    state.total = 5
  })
  await feed.settle()
  expect(line.text).toBe('5')

  feed.cut()
  await feed.settle()
  expect(line.text).toBe('5 (offline)')

  feed.patch((state) => {
    state.total = 8
  })
  await feed.until(() => line.text === '8')
  expect(feed.requests).toHaveLength(2)
})
