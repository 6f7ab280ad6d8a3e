import type { MetricType } from '../metrics/metric.ts'
import { runtime } from '../runtime.ts'
import { currentUser } from '../virtual-user.ts'

class ScenarioMetric {
  readonly name: string

  constructor(name: string, type: MetricType, isTime: boolean) {
    this.name = name
    runtime().metrics.declare(name, type, isTime)
  }

  add(value: number | boolean, tags?: Readonly<Record<string, string>>): void {
    const own = currentUser(`add of '${this.name}'`).tags
    runtime().metrics.add(this.name, Number(value), tags ? { ...own, ...tags } : own)
  }
}

/** k6's `Counter`: a sum. */
export class Counter extends ScenarioMetric {
  constructor(name: string, isTime = false) {
    super(name, 'counter', isTime)
  }
}

/** k6's `Gauge`: the last value. */
export class Gauge extends ScenarioMetric {
  constructor(name: string, isTime = false) {
    super(name, 'gauge', isTime)
  }
}

/** k6's `Rate`: the part of all values that is not zero. */
export class Rate extends ScenarioMetric {
  constructor(name: string, isTime = false) {
    super(name, 'rate', isTime)
  }
}

/** k6's `Trend`: percentiles. */
export class Trend extends ScenarioMetric {
  constructor(name: string, isTime = false) {
    super(name, 'trend', isTime)
  }
}
