import { describe, expect, it } from 'vitest'
import { makeTopicFilter } from '../../../src/feed/audience/topic-filter.ts'

describe('FE71 topics=', () => {
  it.each([
    [['public'], 'public', true],
    [['public'], 'public.more', false],
    [['public'], 'publi', false],
    [['project.42.*'], 'project.42', false],
    [['project.42.*'], 'project.42.build', true],
    [['project.42.*'], 'project.42.build.log', true],
    [['project.42.*'], 'project.421.build', false],
    [['*'], 'anything.at.all', true],
    [['*'], 'audit', false],
    [['audit'], 'audit', true],
    [['project.*.build'], 'project.42.build', true],
    [['project.*.build'], 'project.42.43.build', false],
    [['a', 'b.*'], 'b.c', true],
    [['a', 'b.*'], 'c', false],
    [[], 'public', false],
  ])('FE71 %j follows %s: %s, asked once or again', (patterns, topic, isFollowed) => {
    const filter = makeTopicFilter(patterns)
    expect([filter?.allows(topic), filter?.allows(topic)]).toEqual([isFollowed, isFollowed])
  })

  it.each(['', '.', 'a.', '.a', 'a..b', 'a*', '*a', '**', 'a b', 'a.*.', 'x'.repeat(65)])(
    "FE71 '%s' is no pattern",
    (pattern) => {
      expect(makeTopicFilter([pattern])).toBeNull()
    },
  )

  it('FE71 the same patterns in any order are one key, and there are 20 at most', () => {
    expect(makeTopicFilter(['b', 'a', 'b'])?.key).toBe('a,b')
    const many = Array.from({ length: 21 }, (_, index) => `t${index}`)
    expect(makeTopicFilter(many.slice(1))?.patterns).toHaveLength(20)
    expect(makeTopicFilter(many)).toBeNull()
  })
})
