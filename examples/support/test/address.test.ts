import { expect, test } from 'vitest'
import { addressOf } from '../src/program.ts'

test.each([
  ['127.0.0.1', 'http://127.0.0.1:80'],
  ['0.0.0.0', 'http://localhost:80'],
  ['::', 'http://localhost:80'],
  ['::1', 'http://[::1]:80'],
])('EX1 %s is printed as an address that a browser takes', (host, address) => {
  expect(addressOf(host, 80)).toBe(address)
})
