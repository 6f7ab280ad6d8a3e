import { connect, openFeed } from '@ringside/client'
import type { Feed } from '@ringside/client'
import { game } from './game.ts'

/** Plays a little: prints what a player sees, and what a spectator of the same room sees. */
export async function play(address: string, print: (line: string) => void): Promise<void> {
  const client = connect(game, address)
  const room = await client.joinOrCreate('counter', { name: 'Ada' })
  const counted = new Promise<number>((resolve) => room.onChange((state) => state.total, resolve))
  room.on('round', ({ by, total }) => print(`player: ${by} made it ${total}`))

  const spectated = new Promise<Feed>((resolve) => {
    const feed = openFeed(
      { address, room: room.id },
      {
        from: 'start',
        onEvent: (event) => {
          if (event.type !== 'game') return
          print(`spectator: ${event.name} ${JSON.stringify(event.data.data)}`)
          resolve(feed)
        },
      },
    )
  })
  const session = await client.open()
  session.onMessage(0x0001, (bytes) => print(`everybody: ${new TextDecoder().decode(bytes)}`))
  session.send(0x0001, new TextEncoder().encode('hello'))

  const { total } = await room.request('add', { by: 4 }) // number, inferred from the contract
  print(`player: asked, the answer is ${total}`)
  await room.request('add', { by: 6 })
  await room.request('add', { by: 99 }).catch((error: Error) => print(`player: ${error.message}`))
  print(`player: the total is ${await counted}`)
  ;(await spectated).close()
  session.close()
  await room.leave()
}
