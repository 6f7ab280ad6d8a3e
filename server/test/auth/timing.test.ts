import { expect, it, vi } from 'vitest'
import { OPERATOR, startDoor } from './rig.ts'

const compared: [number, number][] = []

vi.mock('node:crypto', async (original) => {
  const crypto = await original<{
    timingSafeEqual(one: Uint8Array, other: Uint8Array): boolean
  }>()
  return {
    ...crypto,
    timingSafeEqual(one: Uint8Array, other: Uint8Array) {
      compared.push([one.byteLength, other.byteLength])
      return crypto.timingSafeEqual(one, other)
    },
  }
})

it('AU10 whatever is wrong with a key, digests of 32 bytes are compared, whole and equally often', async () => {
  await using door = await startDoor()
  const { key } = await door.makeKey({ scopes: [] })
  const [, id = ''] = key.split('_')
  const secret = key.slice(`rk_${id}_`.length)
  const costOf = async (text: string): Promise<unknown> => {
    await door.test.advance(1_000)
    compared.length = 0
    await door.ask({ headers: { 'x-api-key': text } })
    return [...compared]
  }
  const cost = [
    [32, 32],
    [32, 32],
  ]
  const other = secret.startsWith('A') ? 'B' : 'A'
  for (const text of [
    key,
    `rk_${id}_${other}${secret.slice(1)}`,
    `rk_${id}_${secret.slice(0, -1)}_`,
    `rk_zzzzzzzzzzzz_${secret}`,
  ])
    expect([text.slice(0, 20), await costOf(text)]).toEqual([text.slice(0, 20), cost])
  for (const text of [OPERATOR, `${OPERATOR}x`, OPERATOR.slice(1), 'x'])
    expect([text, await costOf(text)]).toEqual([text, [[32, 32]]])
})
