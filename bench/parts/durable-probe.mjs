// Times single inserts that a majority has acknowledged and journalled, ten of them at most in 100 ms. Prints a line
// once it is connected, takes the windows (JSON) as a line, and prints what it noted in them.
// node durable-probe.mjs <uri> <database>
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { MongoClient } from 'mongodb'
import { Windows, now } from './windows.mjs'

const PAUSE_MS = 10
const DATA = JSON.stringify({ players: { abcdef123456: { x: 1.5, y: 12.25, angle: 1.5 } } })

const [uri, database] = process.argv.slice(2)
const client = await MongoClient.connect(uri)
const options = { writeConcern: { w: 'majority', journal: true } }
const collection = client.db(database).collection('bare', options)
console.log(JSON.stringify({ isConnected: true }))
const [plan] = await once(createInterface({ input: process.stdin }), 'line')
const windows = new Windows(JSON.parse(plan))
while (now() < windows.end) {
  const begun = now()
  await collection.insertOne({ data: DATA })
  windows.add(begun, now() - begun)
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
}
await client.close()
console.log(JSON.stringify(windows.results()))
process.exit(0)
