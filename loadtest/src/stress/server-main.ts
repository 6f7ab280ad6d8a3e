// The server under load, in a process of its own. Tells its parent the port, and on 'sample' what it uses.
import { createLoadServer } from './server.ts'
import type { ServerSample } from './server-process.ts'

const server = createLoadServer()
const port = await server.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ port })

process.on('message', (order) => {
  if (order !== 'sample') return
  const { user, system } = process.cpuUsage()
  const sample: ServerSample = {
    rssBytes: process.memoryUsage.rss(),
    cpuMs: (user + system) / 1000,
    players: server.rooms.reduce((sum, { clients }) => sum + clients, 0),
  }
  process.send?.(sample)
})
process.on('disconnect', () => process.exit(0))
