import { describe, expect, it } from 'vitest'
import { Anonymous, KeyHolder } from '../../src/auth/asker.ts'
import { compileNamePattern, compileTopicPattern } from '../../src/auth/pattern.ts'
import type { Pattern } from '../../src/auth/pattern.ts'
import { serverPrincipal } from '../../src/auth/principal.ts'
import type { Principal } from '../../src/auth/principal.ts'
import { MAX_SCOPES, Scopes, isScope } from '../../src/auth/scope.ts'

const everybody = { topics: [compileTopicPattern('public') as Pattern] }

function holderOf(...texts: string[]): Principal {
  const scopes = Scopes.among(texts) ?? Scopes.none
  return new KeyHolder(everybody, { id: 'k', scopes, expiresAt: null, isRevoked: false }, () => 0)
}

const room = { id: 'abc', type: 'arena', isPrivate: false }
const secretRoom = { ...room, isPrivate: true }

describe('scopes', () => {
  it('AU4 a text of the grammar is a scope, and no other is', () => {
    const good = [
      'admin',
      'read:topic:*',
      'read:topic:project.42.*',
      'read:topic:project.*.build#notification*',
      'read:room:abc',
      'read:room:arena/*#kill',
      'publish:topic:news',
      'publish:client:user-1|*#chat.*',
    ]
    for (const text of good) expect(isScope(text), text).toBe(true)
    const bad = [
      '',
      'admin ',
      'Admin',
      'admin:*',
      'read',
      'read:topic',
      'read:topic:',
      'read:topic: news',
      'read:topic:a..b',
      'read:topic:.a',
      'read:topic:a*',
      'read:topic:a/b',
      'read:topic:news#',
      'read:topic:news#a#b',
      'read:topic:news#a b',
      'read:topic:news#***',
      'read:room:a/b/c',
      'read:room:/b',
      'read:room:a/',
      'read:client:a',
      'write:topic:a',
      'publish:room:a',
      'publish:client:a*b*c*d',
      'read:topic:news\n',
      `read:topic:${'a.'.repeat(10)}b`,
      `read:topic:${'a'.repeat(65)}`,
      'read:topic:__proto__.constructor\0',
    ]
    for (const text of bad) expect(isScope(text), JSON.stringify(text)).toBe(false)
  })

  it('AU4 of a token those texts count that are scopes, at most 64', () => {
    expect(Scopes.among(['openid', 'profile', 'admin '])?.texts).toEqual([])
    expect(Scopes.among(['openid', 'read:topic:a', 'read:topic:a'])?.texts).toEqual([
      'read:topic:a',
    ])
    const many = (count: number): string[] =>
      Array.from({ length: count }, (_, index) => `read:topic:t${index}`)
    expect(Scopes.among(many(MAX_SCOPES))?.texts).toHaveLength(MAX_SCOPES)
    expect(Scopes.among(many(MAX_SCOPES + 1))).toBe(null)
  })

  it('AU4 a star in a topic is one word, and at the end one or more', () => {
    const matches = (pattern: string, topic: string): boolean | undefined =>
      compileTopicPattern(pattern)?.matches(topic)
    for (const [pattern, topic] of [
      ['*', 'a'],
      ['*', 'a.b.c'],
      ['a.*', 'a.b'],
      ['a.*', 'a.b.c'],
      ['a.*.c', 'a.b.c'],
      ['*.b', 'a.b'],
      ['*.b.*', 'a.b.c.d'],
      ['a.b', 'a.b'],
    ] as const)
      expect([pattern, topic, matches(pattern, topic)]).toEqual([pattern, topic, true])
    for (const [pattern, topic] of [
      ['a.*', 'a'],
      ['a.*', 'a.'],
      ['a.*', 'ab.c'],
      ['a.*.c', 'a.c'],
      ['a.*.c', 'a.b.b.c'],
      ['*.b', 'b'],
      ['*.b', 'a.b.c'],
      ['*.b.*', 'a.b'],
      ['a.b', 'a.B'],
    ] as const)
      expect([pattern, topic, matches(pattern, topic)]).toEqual([pattern, topic, false])
  })

  it('AU4 a star in a name is any characters or none', () => {
    const matches = (pattern: string, name: string): boolean | undefined =>
      compileNamePattern(pattern)?.matches(name)
    expect(matches('chat*', 'chat')).toBe(true)
    expect(matches('chat*', 'chat.line')).toBe(true)
    expect(matches('*.updated', 'notification.updated')).toBe(true)
    expect(matches('a*b*c', 'a1b2c')).toBe(true)
    expect(matches('a*b*c', 'abc')).toBe(true)
    for (const name of ['ac', 'acb', 'ab', 'xabc', 'abcx'])
      expect(matches('a*b*c', name)).toBe(false)
    expect(matches('aba*ba', 'aba')).toBe(false)
  })

  it('AU5 a key only adds to what everybody may do', () => {
    const anonymous = new Anonymous(everybody)
    const narrow = holderOf('read:topic:news#alert')
    for (const principal of [anonymous, narrow]) {
      expect(principal.mayReadTopic('public', 'anything')).toBe(true)
      expect(principal.mayReadRoom(room, 'kill')).toBe(true)
      expect(principal.mayReadRoom(secretRoom, 'kill')).toBe(false)
      expect(principal.mayPublish({ topic: 'public', type: 'x', to: null })).toBe(false)
      expect(principal.mayPublish({ topic: 'public', type: 'x', to: 'ada' })).toBe(false)
      expect(principal.isOperator).toBe(false)
    }
    expect(anonymous.mayReadTopic('news', 'alert')).toBe(false)
    expect(narrow.mayReadTopic('news', 'alert')).toBe(true)
    expect(narrow.mayReadTopic('news', 'other')).toBe(false)
  })

  it('AU5 private rooms are read by their id or their type, and publishing has scopes of its own', () => {
    expect(holderOf('read:room:abc').mayReadRoom(secretRoom, 'kill')).toBe(true)
    expect(holderOf('read:room:arena/*').mayReadRoom(secretRoom, 'kill')).toBe(true)
    expect(holderOf('read:room:chat/*').mayReadRoom(secretRoom, 'kill')).toBe(false)
    expect(holderOf('read:room:arena/*#chat').mayReadRoom(secretRoom, 'kill')).toBe(false)
    expect(holderOf('read:topic:*').mayReadRoom(secretRoom, 'kill')).toBe(false)
    const toAll = holderOf('publish:topic:news#alert*')
    expect(toAll.mayPublish({ topic: 'news', type: 'alert', to: null })).toBe(true)
    expect(toAll.mayPublish({ topic: 'news', type: 'chat', to: null })).toBe(false)
    expect(toAll.mayPublish({ topic: 'news', type: 'alert', to: 'ada' })).toBe(false)
    const toOne = holderOf('publish:client:ada-*')
    expect(toOne.mayPublish({ topic: 'public', type: 'x', to: 'ada-1' })).toBe(true)
    expect(toOne.mayPublish({ topic: 'public', type: 'x', to: 'bob' })).toBe(false)
    expect(toOne.mayPublish({ topic: 'public', type: 'x', to: null })).toBe(false)
    expect(toOne.mayReadTopic('news', 'x')).toBe(false)
  })

  it('AU6 what the server says on `audit` is read by the scope that names it, and published by nobody else', () => {
    const open = { topics: [compileTopicPattern('*') as Pattern] }
    expect(new Anonymous(open).mayReadTopic('audit', 'kick')).toBe(false)
    expect(holderOf('read:topic:*').mayReadTopic('audit', 'kick')).toBe(false)
    expect(holderOf('read:topic:*.*', 'read:topic:audit.*').mayReadTopic('audit.x', 'a')).toBe(
      false,
    )
    expect(holderOf('read:topic:audit').mayReadTopic('audit', 'kick')).toBe(true)
    expect(holderOf('admin').mayReadTopic('audit', 'kick')).toBe(true)
    for (const to of [null, 'ada']) {
      const message = { topic: 'audit', type: 'kick', to }
      expect(holderOf('admin', 'publish:topic:audit', 'publish:client:*').mayPublish(message)).toBe(
        false,
      )
      expect(serverPrincipal.mayPublish(message)).toBe(true)
    }
  })

  it('AU5 `admin` is every scope', () => {
    const admin = holderOf('admin')
    expect(admin.isOperator).toBe(true)
    expect(admin.mayReadRoom(secretRoom, 'kill')).toBe(true)
    expect(admin.mayReadTopic('a.b', 'x')).toBe(true)
    expect(admin.mayPublish({ topic: 'a', type: 'x', to: 'ada' })).toBe(true)
  })
})
