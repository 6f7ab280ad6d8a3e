import { expect, test } from 'vitest'
import { createClientAddress, networkOf } from '../../src/transport/client-address.ts'

const trusted = ['10.0.0.0/8', '::1', '2001:db8:1::/48']

test.each([
  ['a stranger', '198.51.100.7', '203.0.113.1', '198.51.100.7'],
  ['a proxy without the header', '10.0.0.1', '', '10.0.0.1'],
  ['a proxy', '10.0.0.1', '203.0.113.1', '203.0.113.1'],
  ['a proxy, after what its client made up', '10.0.0.1', '1.2.3.4, 203.0.113.1', '203.0.113.1'],
  ['two proxies', '10.0.0.1', '203.0.113.1 , 10.9.9.9', '203.0.113.1'],
  ['proxies all the way', '10.0.0.1', '10.0.0.3,10.0.0.2', '10.0.0.3'],
  ['IPv6', '0:0:0:0:0:0:0:1', '2001:db8:2::5, 2001:db8:1:9::1', '2001:db8:2::5'],
  ['IPv4 within IPv6', '::1', '::ffff:203.0.113.1', '203.0.113.1'],
  ['what is no address', '10.0.0.1', 'unknown', '10.0.0.1'],
  ['what is no address before a proxy', '10.0.0.1', '203.0.113.1, x, 10.0.0.2', '10.0.0.2'],
  ['a name of this process', '10.0.0.1', 'loopback', '10.0.0.1'],
  ['a header without end', '10.0.0.1', `${'1.1.1.1,'.repeat(200)}203.0.113.1`, '203.0.113.1'],
  ['junk without end', '10.0.0.1', `${'9'.repeat(1_100)}, 203.0.113.1`, '203.0.113.1'],
  // The last 1,024 characters begin with 3.0.113.1.
  [
    'an address cut in two',
    '10.0.0.1',
    `20${'3.0.113.1'.padEnd(16)}${',10.0.0.2'.repeat(112)}`,
    '10.0.0.2',
  ],
  ['proxies without end', '10.0.0.1', `203.0.113.1${',10.0.0.22'.repeat(200)}`, '10.0.0.22'],
  ['an empty line before', '10.0.0.1', ',203.0.113.1', '203.0.113.1'],
  ['empty elements', '10.0.0.1', '203.0.113.1,, ,', '203.0.113.1'],
  ['IPv4 within IPv6 in hex', '::1', '0:0::ffff:cb00:7101', '203.0.113.1'],
  ['a proxy within IPv6 in hex', '::1', '203.0.113.1, ::ffff:a00:7', '203.0.113.1'],
])('TR28 %s is known by the right address', (_what, peer, forwardedFor, client) => {
  expect(createClientAddress(trusted)(peer, forwardedFor)).toBe(client)
})

test('TR28 without trusted proxies the header is nothing', () => {
  expect(createClientAddress()('10.0.0.1', '203.0.113.1')).toBe('10.0.0.1')
})

test.each(['', 'example.com', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', '10.0.0.0/-1'])(
  'TR28 %j is no proxy',
  (entry) => {
    expect(() => createClientAddress([entry])).toThrow('Expected trustedProxies')
  },
)

test.each([
  ['203.0.113.1', '203.0.113.1'],
  ['loopback', 'loopback'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['0:0:0:0:0:0:0:1', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['::ffff:606:606', '6.6.6.6'],
  ['::FFFF:6.6.6.6', '6.6.6.6'],
  ['0:0:0:0:0:ffff:606:606', '6.6.6.6'],
  ['::ffff:0:606:606', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('TR28 limits count %s as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
