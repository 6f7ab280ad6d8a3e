import { connect } from '@ringside/client'
import { openFeed } from '@ringside/client/feed'
import { game } from './game.ts'

/** Type checked only: what a page imports needs no types of Node. */
export async function page(address: string): Promise<number> {
  const room = await connect(game, address).joinOrCreate('counter')
  openFeed({ address, room: room.id })
  const { total } = await room.request('add', { by: 1 })
  return total
}
