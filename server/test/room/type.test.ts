import { expect, it } from 'vitest'
import { TestServer } from '../support/test-server.ts'

it.each([
  [10_000, 1],
  [60_000, 50_001],
  [60_000, 3_600_000],
])('RM11 with retentionMs %d a delayMs of %d is refused at boot', async (retentionMs, delayMs) => {
  const start = TestServer.start({ retentionMs }, { delayMs })
  await expect(start).rejects.toMatchObject({
    code: 'option_invalid',
    message: expect.stringContaining(`${delayMs}`) as string,
  })
})

it.each([
  [10_000, 0],
  [60_000, 50_000],
])('RM11 with retentionMs %d a delayMs of %d is accepted', async (retentionMs, delayMs) => {
  await using test = await TestServer.start({ retentionMs }, { delayMs })
  expect(await test.server.createRoom('arena')).not.toBe('')
})
