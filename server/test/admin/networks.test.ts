import { describe, expect, it } from 'vitest'
import { Networks, networkText } from '../../src/admin/networks.ts'
import { createRandom } from '../../src/process/random.ts'

describe('AD5 addresses and networks', () => {
  it.each([
    ['10.0.0.7', '10.0.0.7'],
    ['10.9.8.7/8', '10.0.0.0/8'],
    ['10.0.0.7/32', '10.0.0.7'],
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['::ffff:a00:7', '10.0.0.7'],
    ['2001:db8::1', '2001:db8:0:0:0:0:0:0/64'],
    ['2001:DB8:0:0:1:2:3:4', '2001:db8:0:0:0:0:0:0/64'],
    ['2001:db8:ffff::/33', '2001:db8:8000:0:0:0:0:0/33'],
    ['2001:db8::1/128', '2001:db8:0:0:0:0:0:1/128'],
  ])('AD5 %s is %s, and so is that again', (given, text) => {
    expect(networkText(given)).toBe(text)
    expect(networkText(text)).toBe(text)
  })

  it.each([
    '',
    'loopback',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1/',
    '10.0.0.1/0',
    '::/0',
    '10.0.0.1/33',
    '10.0.0.1/-1',
    '10.0.0.1/8/8',
    '10.0.0.1/ 8',
    '10.0.0.1/1e1',
    'fe80::1%eth0',
    '::ffff:10.0.0.1/8',
    '1'.repeat(70),
    '10.0.0.1\n',
  ])('AD5 %j is refused', (given) => {
    expect(() => networkText(given)).toThrow(expect.objectContaining({ code: 'bad_request' }))
  })

  it('AD5 an address is found in every network that it is of, and in no other', () => {
    const networks = new Networks()
    for (const text of ['10.0.0.7', '10.0.0.0/8', '2001:db8::/32', '2001:db8::5'])
      networks.add(networkText(text), text)
    const find = (address: string): string[] => [...networks.find(address)].toSorted()
    expect(find('10.0.0.7')).toEqual(['10.0.0.0/8', '10.0.0.7'])
    expect(find('::ffff:10.1.2.3')).toEqual(['10.0.0.0/8'])
    expect(find('11.0.0.7')).toEqual([])
    expect(find('2001:db8::ffff')).toEqual(['2001:db8::/32', '2001:db8::5'])
    expect(find('2001:db8:1::5')).toEqual(['2001:db8::/32'])
    expect(find('2001:db9::5')).toEqual([])
    expect(find('fe80::1%eth0')).toEqual([])
    expect(find('loopback')).toEqual([])
    networks.delete(networkText('10.0.0.0/8'))
    expect(find('10.0.0.7')).toEqual(['10.0.0.7'])
  })

  it('AD5 networks of any length hold what a comparison of bits says', () => {
    const seed = 20_261
    const random = createRandom(String(seed), 1)
    const address = (): number => random.int(0, 0xffff_ffff) >>> 0
    const textOf = (value: number): string =>
      [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')
    for (let round = 0; round < 300; round++) {
      const [base, bits] = [address(), random.int(1, 32)]
      const mask = bits === 32 ? 0xffff_ffff : ~(0xffff_ffff >>> bits) >>> 0
      // Half of them are near, so that both answers are met.
      const other = round % 2 === 0 ? address() : (base ^ (1 << random.int(0, 31))) >>> 0
      const networks = new Networks()
      networks.add(networkText(`${textOf(base)}/${bits}`), 'it')
      const isIn = (base & mask) >>> 0 === (other & mask) >>> 0
      const what = `seed ${seed}, round ${round}: ${textOf(other)} in ${textOf(base)}/${bits}`
      expect([...networks.find(textOf(other))].length, what).toBe(isIn ? 1 : 0)
    }
  })
})
