import { play } from './client.ts'

const address = process.argv[2] ?? 'http://127.0.0.1:8082'
await play(address, (line) => process.stdout.write(`${line}\n`))
