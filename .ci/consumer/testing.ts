import { connect, openFeed } from '@ringside/client'
import { createServer } from '@ringside/server'
import { FakeFeed, startTestServer } from '@ringside/server/testing'
import { game } from './game.ts'

await using kit = await startTestServer(game, (settings) => {
  const server = createServer(game, settings)
  server.room('counter', {
    onCreate: () => ({ total: 0, players: {} }),
    commands: {
      add(room, session, { by }) {
        room.state.total += by
        room.emit('added', { by, who: session.id })
        return { total: room.state.total }
      },
    },
  })
  return server
})
const raw = await kit.create('counter', { name: 'Ada' })
const { total } = await raw.request('add', { by: 2 })
const link = kit.link({ latencyMs: 20 })
const sdk = connect(game, kit.address, link.options)
const room = await kit.during(sdk.joinById<'counter'>(raw.seat.roomId))
const answer = await kit.during(room.request('add', { by: 40 }))
const [added] = raw.events('added')
if (total !== 2 || answer.total !== 42 || added?.by !== 2) throw new Error('Expected 2 and 42')

const feed = new FakeFeed(game, 'counter', { state: { total: 1, players: {} } })
let seen = 0
openFeed(
  { address: feed.address, room: feed.room },
  { ...feed.options, onPatch: ({ n }) => (seen = n) },
)
await feed.settle()
feed.patch((state) => {
  state.total = 2
})
await feed.until(() => seen === 2)
console.log('ok: typed consumer of the test kit')
