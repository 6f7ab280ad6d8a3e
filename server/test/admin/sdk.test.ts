import { describe, expect, it } from 'vitest'
import { connect } from '@ringside/client'
import type { StatusInfo } from '@ringside/client'
import { hall, startHall } from './rig.ts'

describe('CN76 a banned client of the SDK', () => {
  it('CN76 is put out with 4007 and the reason, and asks for nothing more', async () => {
    await using test = await startHall()
    const link = test.link()
    const client = connect(hall, test.address, link.options)
    const room = await test.during(client.joinOrCreate('hall', { options: { user: 'ada' } }))
    const told: [string, StatusInfo][] = []
    room.onStatus((status, info) => void told.push([status, info]))
    const notices: string[] = []
    room.onNotice(({ text }) => void notices.push(text))
    test.server.message(room.id, 'last warning')
    await test.advance(50)
    await test.server.ban({ userId: 'ada', reason: 'spam' })
    await test.advance(60_000)
    expect(notices).toEqual(['last warning'])
    expect(told).toMatchObject([['closed', { code: 4007, reason: 'Banned: spam' }]])
    const again = client.joinOrCreate('hall', { options: { user: 'ada' } })
    const refused = again.catch((error: unknown) => error)
    expect(await test.during(refused)).toMatchObject({
      code: 'banned',
      retry: false,
      message: 'Banned: spam',
    })
  })

  it('CN76 that was away when it was banned is told so when it comes back', async () => {
    await using test = await startHall()
    const link = test.link()
    const client = connect(hall, test.address, link.options)
    const room = await test.during(client.joinOrCreate('hall', { options: { user: 'ada' } }))
    const told: [string, StatusInfo][] = []
    room.onStatus((status, info) => void told.push([status, info]))
    link.cut()
    await test.advance(10)
    await test.server.ban({ address: link.address })
    await test.until(() => room.status === 'closed')
    expect(told.at(-1)).toMatchObject(['closed', { error: { code: 'banned' } }])
  })
})
