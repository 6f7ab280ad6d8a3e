import { createRandom } from './sim-random.ts'
import type { Random } from '../../src/process/random.ts'
import { Cluster } from './cluster.ts'
import { Findings } from './findings.ts'
import { Ledger } from './ledger.ts'
import { Owner } from './owner.ts'
import { Publishers } from './publishers.ts'
import { ReplicaSet } from './replica-set.ts'
import { Restores } from './restores.ts'
import { SimClock } from './sim-clock.ts'
import type { SimProcess } from './sim-process.ts'
import { Stream } from './stream.ts'
import { Weather } from './weather.ts'

const ROOM_COUNT = 3
const TURN_MS = 40
const SETTLE_MS = 60_000

/** What one seed met: a simulation that meets nothing proves nothing. */
export interface SimulationResult {
  readonly seed: number
  /** The first broken rule, or null. */
  readonly failure: string | null
  readonly operations: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

/**
 * Writers, readers and a replica set under one scheduler: the seed decides every delay, loss, crash,
 * takeover and fail-over. The same seed is the same run.
 */
export class Simulation {
  readonly #seed: number
  readonly #random: Random
  readonly #world = new SimClock()
  readonly #weather: Weather
  readonly #set: ReplicaSet
  readonly #findings = new Findings()
  readonly #ledger: Ledger
  readonly #cluster: Cluster
  readonly #operations: string[] = []
  readonly #owners: Owner[] = []
  readonly #creators = new Map<string, SimProcess>()
  readonly #places = new Map<Owner, SimProcess>()
  readonly #streams: Stream[]
  readonly #rooms: string[] = []
  #opening = 0
  #caughtUp: readonly number[] = []
  #ownerCount = 0

  readonly #restores: Restores | null
  readonly #publishers: Publishers | null

  constructor(
    seed: number,
    options: { readonly isRestored?: boolean; readonly isPublished?: boolean } = {},
  ) {
    this.#seed = seed
    this.#random = createRandom(seed)
    this.#weather = new Weather(seed ^ 0x5bd1e995)
    this.#set = new ReplicaSet(this.#world, this.#weather)
    this.#ledger = new Ledger(this.#set.majority, this.#findings)
    this.#set.onCommit = this.#ledger.onCommit
    this.#cluster = new Cluster({
      set: this.#set,
      world: this.#world,
      weather: this.#weather,
      ledger: this.#ledger,
      findings: this.#findings,
      random: this.#random,
      note: (operation) => this.#note(operation),
    })
    this.#restores = options.isRestored
      ? new Restores({
          seed,
          set: this.#set,
          world: this.#world,
          ledger: this.#ledger,
          cluster: this.#cluster,
          note: (operation) => this.#note(operation),
          onRestored: () => this.#owners.splice(0),
        })
      : null
    this.#publishers = options.isPublished
      ? new Publishers({ seed, ledger: this.#ledger, cluster: this.#cluster })
      : null
    this.#streams = Array.from({ length: 3 }, () => {
      return new Stream({
        ledger: this.#ledger,
        findings: this.#findings,
        random: this.#random,
        processes: () => this.#cluster.running,
        origin: this.#set.origin,
      })
    })
  }

  async run(): Promise<SimulationResult> {
    // Most of the time too short for retention.
    const chaosMs = this.#random.next() < 0.6 ? 6_000 : 30_000
    for (let count = 0; count < 2; count++) this.#cluster.start()
    for (let count = 0; count < ROOM_COUNT; count++) this.#rooms.push(`room-${count}`)
    const end = this.#world.now() + chaosMs
    while (this.#world.now() < end && !this.#findings.first) {
      this.#act()
      await this.#pass(TURN_MS)
    }
    this.#weather.isBad = this.#weather.isAway = this.#weather.isSplit = false
    for (const process of this.#cluster.processes) if (process.clock.isFrozen) process.clock.thaw()
    const settled = this.#world.now() + SETTLE_MS
    this.#caughtUp = this.#streams.map((stream) => stream.caughtUpCount)
    while (this.#world.now() < settled && !this.#isSettled() && !this.#findings.first) {
      for (const stream of this.#streams) stream.act()
      await this.#pass(100)
    }
    this.#findings.check(this.#isSettled(), 'OB5', () => `nothing settles: ${this.#unsettled()}`)
    for (const owner of this.#owners) if (!this.#places.get(owner)?.isDead) owner.checkAtEnd()
    for (const process of [...this.#cluster.processes, ...(this.#restores?.left ?? [])])
      process.crash()
    return this.#result()
  }

  async #pass(ms: number): Promise<void> {
    const until = this.#world.now() + ms
    while (!this.#findings.first && (await this.#world.step(until)))
      for (const owner of this.#owners) owner.check()
  }

  #act(): void {
    const random = this.#random
    const chance = random.next()
    if (chance < 0.004) this.#cluster.crash()
    else if (chance < 0.008) this.#cluster.freeze()
    else if (chance < 0.02) this.#cluster.failOver()
    else if (chance < 0.026) this.#cluster.split()
    else if (chance < 0.029) this.#cluster.away()
    else if (chance < 0.032) this.#end()
    else if (chance < 0.036) this.#release()
    else if (chance < 0.08 && this.#weather.isUnsteady) this.#cluster.failOver()
    this.#restores?.act()
    this.#publishers?.act()
    this.#keepRoomsOpen()
    for (const owner of this.#owners)
      if (random.next() < owner.pace && this.#processOf(owner)) owner.act()
    for (const stream of this.#streams) stream.act()
  }

  #keepRoomsOpen(): void {
    for (const [index, room] of this.#rooms.entries()) {
      if (this.#ledger.hasEnded(room) || this.#isStillborn(room)) {
        // Ids are never used again.
        this.#rooms[index] = `room-${this.#rooms.length * 100 + this.#ownerCount}-${index}`
        continue
      }
      const isOwned = this.#owners.some(
        (owner) => owner.room === room && owner.isOpen && this.#processOf(owner),
      )
      if (this.#random.next() < (isOwned ? 0.006 : 0.1)) this.#open(room)
    }
  }

  /** Made by a process that died before the room had an event. */
  #isStillborn(room: string): boolean {
    const first = this.#creators.get(room)
    return first !== undefined && first.isDead && this.#ledger.lastOf(room) === null
  }

  #open(room: string): void {
    const process = this.#cluster.anyRunning()
    if (!process || this.#opening > 4) return
    // Nobody but its maker goes on with a room that has no log yet.
    const isNew = !this.#creators.has(room)
    if (!isNew && this.#ledger.lastOf(room) === null) return
    this.#creators.set(room, this.#creators.get(room) ?? process)
    const owner = new Owner({
      index: this.#ownerCount++,
      room,
      outbox: process.outbox,
      ledger: this.#ledger,
      findings: process.findings,
      random: this.#random,
    })
    this.#note(`${process.name} opens ${room} as owner ${owner.index}`)
    this.#opening++
    this.#places.set(owner, process)
    const opening = owner.open().then((isOpen) => {
      if (isOpen && !process.isLeft) this.#owners.push(owner)
    })
    void Promise.race([opening, this.#world.wait(5_000)]).finally(() => this.#opening--)
  }

  #end(): void {
    const owner = this.#owners[this.#random.int(0, this.#owners.length - 1)]
    if (!owner || !this.#processOf(owner)) return
    this.#note(`owner ${owner.index} ends ${owner.room}`)
    owner.end()
  }

  #release(): void {
    const owner = this.#owners[this.#random.int(0, this.#owners.length - 1)]
    if (!owner || !this.#processOf(owner)) return
    this.#note(`owner ${owner.index} releases ${owner.room}`)
    owner.release()
  }

  /** The owner's process if it runs. */
  #processOf(owner: Owner): SimProcess | null {
    const process = this.#places.get(owner)
    return process?.source ? process : null
  }

  #isSettled(): boolean {
    return this.#unsettled() === ''
  }

  #unsettled(): string {
    if (this.#restores?.isSettled === false) return 'the log is restored, or a process runs on'
    if (this.#opening > 0) return 'rooms are being opened'
    if (this.#publishers?.waitingCount) return 'publishers wait for an answer'
    const last = Math.max(...this.#set.majority.events.keys(), 0)
    for (const process of this.#cluster.processes) {
      const { outbox, name } = process
      if (!process.source) return `${name} does not start`
      if (outbox.stats.pendingEvents > 0) return `${name} has ${outbox.stats.pendingEvents} events`
      if (outbox.sealed < last) return `W of ${name} is ${outbox.sealed} of ${last}`
    }
    for (const [index, stream] of this.#streams.entries())
      if (stream.caughtUpCount <= (this.#caughtUp[index] ?? 0)) return `stream ${index} is behind`
    return ''
  }

  #note(operation: string): void {
    this.#operations.push(`${this.#world.now() - 1_700_000_000_000} ms ${operation}`)
  }

  #result(): SimulationResult {
    const sum = (count: (stream: Stream) => number): number =>
      this.#streams.reduce((total, stream) => total + count(stream), 0)
    return {
      seed: this.#seed,
      failure: this.#findings.first,
      operations: this.#operations,
      counts: {
        events: this.#ledger.eventCount,
        tombstones: this.#ledger.tombstoneCount,
        owners: this.#owners.length,
        fenced: this.#owners.filter((owner) => owner.isFenced).length,
        refused: this.#owners.filter((owner) => owner.isRefused).length,
        crashes: this.#cluster.crashCount,
        failOvers: this.#cluster.failOverCount,
        rolledBack: this.#set.rollbackCount,
        cut: this.#ledger.durable.size - this.#set.majority.events.size,
        snapshots: this.#ledger.snapshotCount,
        delivered: sum((stream) => stream.deliveredCount),
        resets: sum((stream) => stream.resetCount),
        states: sum((stream) => stream.stateCount),
        ...(this.#publishers
          ? {
              published: this.#publishers.newCount,
              duplicates: this.#publishers.duplicateCount,
              unknown: this.#publishers.unknownCount,
            }
          : {}),
        ...(this.#restores
          ? {
              restores: this.#restores.count,
              left: this.#restores.left.length,
              void: sum((stream) => stream.voidCount),
            }
          : {}),
      },
    }
  }
}
