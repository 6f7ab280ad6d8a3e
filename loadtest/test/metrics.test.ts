import { expect, test } from 'vitest'
import { MetricSet } from '../src/metrics/metric-set.ts'
import { Threshold } from '../src/metrics/threshold.ts'

test('LT4 metrics of several workers add up, with the parts that thresholds name and the checks', () => {
  const workers = [new MetricSet(), new MetricSet()]
  for (const [index, metrics] of workers.entries()) {
    metrics.declare('said', 'counter')
    metrics.declare('level', 'gauge')
    metrics.declare('lucky', 'rate')
    metrics.part('said{room:a}')
    metrics.add('said', 3, { room: 'a' })
    metrics.add('said', 4, { room: 'b' })
    metrics.add('level', index, {})
    metrics.add('lucky', index, {})
    metrics.add('http_req_duration', 10 * (index + 1), {})
    metrics.addCheck('is there', index === 0, {})
  }
  const all = new MetricSet()
  for (const metrics of workers) all.merge(structuredClone(metrics.record()))
  const values = (name: string) => all.get(name)?.values(2_000)
  expect(values('said')).toEqual({ count: 14, rate: 7 })
  expect(values('said{room:a}')).toEqual({ count: 6, rate: 3 })
  expect(values('level')).toMatchObject({ min: 0, max: 1 })
  expect(values('lucky')).toEqual({ rate: 0.5, passes: 1, fails: 1 })
  expect(values('http_req_duration')).toMatchObject({ avg: 15, min: 10, max: 20, count: 2 })
  expect(values('checks')).toEqual({ rate: 0.5, passes: 1, fails: 1 })
  expect(all.checks).toEqual([{ name: 'is there', passes: 1, fails: 1 }])
})

test('LT6 a metric has one kind, a name that k6 takes, and there are not thousands', () => {
  const metrics = new MetricSet()
  metrics.declare('a', 'counter')
  expect(metrics.declare('a', 'counter')).toBe(metrics.get('a'))
  expect(() => metrics.declare('a', 'trend')).toThrow('another kind')
  expect(() => metrics.declare('no spaces', 'counter')).toThrow("got 'no spaces'")
  expect(() => metrics.part('unknown{a:b}')).toThrow('not there')
  expect(() => metrics.part('unknown')).toThrow('not there')
  expect(() => metrics.part('a{b}')).toThrow('name:value')
  expect(() => {
    for (let index = 0; index < 1_001; index++) metrics.declare(`m${index}`, 'counter')
  }).toThrow('at most 1000')
})

test('LT5 thresholds are those of k6', () => {
  const metrics = new MetricSet()
  const trend = metrics.declare('t', 'trend')
  for (let value = 1; value <= 100; value++) trend.add(value)
  const counter = metrics.declare('c', 'counter')
  counter.add(10)
  const rate = metrics.declare('r', 'rate')
  for (const value of [0, 1, 1, 1]) rate.add(value)
  const gauge = metrics.declare('g', 'gauge')
  gauge.add(-2.5)
  const cases = [
    [trend, 'p(95)<96', true],
    [trend, 'p(95) < 90', false],
    [trend, 'p(99.9)<=100', true],
    [trend, 'avg==50.5', true],
    [trend, 'min===1', true],
    [trend, 'max>=101', false],
    [trend, 'med<51', true],
    [counter, 'count==10', true],
    [counter, 'count!=10', false],
    [counter, 'rate>4', true],
    [rate, 'rate>0.7', true],
    [rate, 'rate<0.7', false],
    [gauge, 'value<-2', true],
  ] as const
  for (const [metric, source, isMet] of cases)
    expect(new Threshold(source, metric).holds(metric, 2_000), source).toBe(isMet)
})

test('LT5 a counter that never counted is 0, so that what must happen fails when nothing did', () => {
  const counter = new MetricSet().declare('c', 'counter')
  expect(new Threshold('count==0', counter).holds(counter, 1_000)).toBe(true)
  expect(new Threshold('count>0', counter).holds(counter, 1_000)).toBe(false)
})

test.for([
  '',
  'p(95)',
  'p(101)<1',
  'p()<1',
  'count<1',
  'avg<',
  'avg<x',
  'avg<1;',
  'avg=1',
  'rate<1',
  '<1',
])("LT6 '%s' is no threshold of a trend", (source) => {
  const trend = new MetricSet().declare('t', 'trend')
  expect(() => new Threshold(source, trend)).toThrow(`got '${source}'`)
})
