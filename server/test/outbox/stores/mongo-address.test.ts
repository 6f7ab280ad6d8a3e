import { describe, expect, test } from 'vitest'
import {
  databaseIn,
  hasEncodedCredentials,
  maskAddress,
  maskText,
  optionsIn,
} from '../../../src/outbox/stores/mongo/address.ts'
import { makeClient } from '../../../src/outbox/stores/mongo/connect.ts'
import { createRandom } from '../../../src/process/random.ts'

describe('OB13 addresses', () => {
  test.each([
    ['mongodb://db:27017', 'mongodb://db:27017'],
    ['mongodb://user:secret@db/x?tls=true', 'mongodb://***@db/x'],
    ['mongodb+srv://user:secret@cluster.example/', 'mongodb+srv://***@cluster.example/'],
    ['mongodb://a:p@ss/w?rd@h1,h2:2/db?replicaSet=r', 'mongodb://***@h1,h2:2/db'],
    ['mongodb://user@db/x', 'mongodb://***@db/x'],
    ['mysql://user:secret@db', '(not a MongoDB address)'],
    ['', '(not a MongoDB address)'],
    ['mongodb://', 'mongodb://'],
  ])('OB13 %s is shown as %s', (uri, shown) => {
    expect(maskAddress(uri)).toBe(shown)
  })

  test('OB13 a text is freed of the address, the password in both spellings, and secret options', () => {
    const uri = 'mongodb://user:s%40fe@db/x?tlsCertificateKeyFilePassword=keypass&appName=arena'
    const text = `failed for ${uri}: s%40fe or s@fe with keypass of arena`
    expect(maskText(text, uri)).toBe('failed for mongodb://***@db/x: *** or *** with *** of arena')
  })

  test.each([
    ['mongodb://h', null],
    ['mongodb://h/', null],
    ['mongodb://h/?w=1', null],
    ['mongodb://u:p@h1,h2:1/game?w=1', 'game'],
    ['mongodb+srv://u:p@h/my%20game', 'my game'],
    ['mongodb://h/test', 'test'],
  ])('OB13 the database of %s is %s', (uri, database) => {
    expect(databaseIn(uri)).toBe(database)
  })

  test.each(['se@secret/x', 'a@Hunter22/z', 'p@ss', 'pa/ss', 'pa?ss', 'pa#ss', 'pa:ss'])(
    'OB13 a password %s that is not encoded is refused before anything is dialled, and not quoted',
    (password) => {
      const uri = `mongodb://user:${password}@127.0.0.1:1/x`
      expect(hasEncodedCredentials(uri)).toBe(false)
      expect(() => makeClient(uri)).toThrow(/^Expected .* percent-encoded, and no other '@'$/)
      const encoded = uri.replace(password, encodeURIComponent(password))
      expect(hasEncodedCredentials(encoded)).toBe(true)
      expect(() => makeClient(encoded)).not.toThrow()
    },
  )

  test('OB13 no piece of a password is in what a malformed address is refused with', () => {
    const seed = Date.now() % 2 ** 31
    const random = createRandom(seed)
    const alphabet = ['Hunter', '2zq9', '@', '/', '?', ':', '#', '%', '%4', '&', '=', ',', '[', ' ']
    for (let round = 0; round < 2_000; round++) {
      const parts = Array.from({ length: random.int(1, 6) }, () => {
        return alphabet[random.int(0, alphabet.length - 1)] ?? ''
      })
      const uri = `mongodb://user:${parts.join('')}@127.0.0.1:1/x`
      let text = ''
      try {
        makeClient(uri)
      } catch (error) {
        text = String(error)
      }
      expect(text, `seed ${seed}: ${parts.join('')}`).not.toMatch(/hunter|2zq9/i)
    }
  })

  test('OB13 options are found whatever their case', () => {
    expect([...optionsIn('mongodb://u:a?b=c@h/x?socketTimeoutMS=5&RetryWrites=false&')]).toEqual([
      'sockettimeoutms',
      'retrywrites',
    ])
  })
})
