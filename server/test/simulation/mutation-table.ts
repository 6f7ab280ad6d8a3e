/** A rule broken on purpose: exact text of a source file, replaced. */
export interface Mutation {
  readonly rule: string
  /** What the code does now, in plain words. */
  readonly does: string
  readonly edits: readonly Edit[]
  /** Title of the test that holds the guard (`ruleTests`), where it is too narrow for any seed. */
  readonly test?: string
  /** The seeds are those in which the log is restored now and then. */
  readonly isRestored?: boolean
  /** The seeds are those with publishers. */
  readonly isPublished?: boolean
}

export interface Edit {
  /** Below the repository. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** Where the tests of single guards are, below the repository. */
export const ruleTests = [
  'server/test/outbox/rules.test.ts',
  'server/test/outbox/append/messages.test.ts',
]

const outbox = (file: string, from: string, to: string): Edit => {
  return { file: `server/src/outbox/${file}.ts`, from, to }
}
const simulated = (file: string, from: string, to: string): Edit => {
  return { file: `server/test/simulation/${file}.ts`, from, to }
}
const mutation = (rule: string, does: string, ...edits: readonly Edit[]): Mutation => {
  return { rule, does, edits }
}

/** Names the test that catches it. */
const heldBy = (test: string, one: Mutation): Mutation => ({ ...one, test })

/** It takes a restore to see it. */
const afterRestore = (one: Mutation): Mutation => ({ ...one, isRestored: true })

/** It takes publishers to see it. */
const withPublishers = (one: Mutation): Mutation => ({ ...one, isPublished: true })

export const mutations: readonly Mutation[] = [
  mutation(
    'OB1',
    'the tail reads what no majority has',
    simulated(
      'replica-set',
      '  /** Calls whenever a majority has got something. */',
      '  get primary(): Documents { return this.#primary }',
    ),
    simulated('sim-store', 'seen.range(query)', 'this.#parts.set.primary.range(query)'),
  ),
  mutation(
    'OB1',
    'a writeConcernError passes for an acknowledgement',
    simulated(
      'replica-set',
      "if (time === null) throw new Unknown('No majority has confirmed it')\n    return time",
      'return time ?? 0',
    ),
  ),
  mutation(
    'OB1',
    'an unknown outcome passes for stored',
    outbox(
      'append/flush',
      "if (outcome.kind === 'stored') return { outcome, storedCount: events.length }",
      "if (outcome.kind === 'stored' || outcome.kind === 'unknown')\n" +
        "return { outcome: { kind: 'stored' }, storedCount: events.length }",
    ),
  ),
  mutation(
    'OB2',
    'an unknown outcome passes for a failure: the events get new places',
    outbox(
      'append/flush',
      'await pace.backOff(this.#failures++)\n      return',
      'this.#rest = await this.#bind(this.#rest.map((bound) => bound.pending))\n      return',
    ),
  ),
  mutation(
    'OB2',
    'own events that had landed are not recognised',
    outbox('append/flush', 'if (blocking && isSame(blocking, culprit.event)) {', 'if (false) {'),
  ),
  mutation(
    'OB2',
    'what follows an own event that had landed passes for landed',
    outbox('append/flush', 'return !stored || !isSame(stored, event)', 'return false'),
  ),
  mutation(
    'OB2',
    'what stands where an own event was sent to passes for it',
    outbox('append/flush', 'return !stored || !isSame(stored, event)', 'return !stored'),
  ),
  mutation(
    'OB2',
    'a foreign event in the same place passes for an own one',
    outbox(
      'append/flush',
      'this.#drop(culprit)\n      culprit.pending.owner.fence(blocking)',
      'this.#acknowledgeFirst(1)',
    ),
  ),
  mutation(
    'OB2',
    'a duplicate without a blocking event passes for stored',
    outbox(
      'append/flush',
      'await pace.backOff(this.#failures++)\n    }',
      'this.#acknowledgeFirst(1)\n    }',
    ),
  ),
  mutation(
    'OB2',
    'lost numbers cost a new n too',
    outbox(
      'append/bound-events',
      'event: { ...event, seq: first + index }',
      'event: { ...event, seq: first + index, n: event.n + 1 }',
    ),
  ),
  mutation(
    'OB2',
    'only the event that lost its number gets a new one',
    outbox(
      'append/flush',
      'this.#rest = renumbered(this.#rest, first)\n',
      'this.#rest = [...renumbered(this.#rest.slice(0, 1), first), ...this.#rest.slice(1)]\n',
    ),
  ),
  mutation(
    'OB2',
    'the next flush starts before this one is resolved',
    outbox(
      'append/log-writer',
      'if (this.#isScheduled || this.#flush) return',
      'if (this.#isScheduled) return',
    ),
    outbox('append/log-writer', 'if (this.#flush || this.#queue.length', 'if (this.#queue.length'),
  ),
  heldBy(
    'OB2 OB52 OB73 a refusal that undoes a transaction takes no event before it',
    mutation(
      'OB2',
      'a refusal in a transaction drops the events before it too',
      outbox('append/flush', 'if (storedCount < outcome.index) {', 'if (storedCount < 0) {'),
    ),
  ),
  mutation(
    'OB3',
    'holes are not waited for',
    outbox('read/log-tail', 'if (event.seq !== this.#sealed + 1) break', ''),
  ),
  mutation(
    'OB3',
    'tombstones are not read back',
    outbox(
      'read/log-tail',
      'await writeTombstones(store, missing, own)\n    return true',
      'await writeTombstones(store, missing, own)\n    this.#sealed = last.seq\n    this.#publish(found, hole.after)',
    ),
  ),
  mutation(
    'OB3',
    'failed reads count as looking at a hole',
    outbox('read/log-tail', 'if (this.#hole) this.#hole.readAt = Number.POSITIVE_INFINITY', ''),
  ),
  mutation(
    'OB3',
    'the stored W is above W',
    outbox('read/log-tail', 'marks.storeSealed(sealed)', 'marks.storeSealed(sealed + 5)'),
  ),
  mutation(
    'OB3',
    'a range below used numbers, or below the last event of the room, is used',
    outbox('append/numbers', 'const first = Math.max(bottom, taken + 1)', 'const first = bottom'),
  ),
  heldBy(
    'OB3 a range at or below W is not used, though another process used it',
    mutation(
      'OB3',
      'a range at or below W is used',
      outbox(
        'append/numbers',
        'return Math.max(this.#used, this.#context.sealed())',
        'return this.#used',
      ),
    ),
  ),
  mutation(
    'OB4',
    'a marker has the epoch of the owner before',
    outbox('owner/takeover', 'lastEpoch + 1', 'lastEpoch'),
  ),
  mutation(
    'OB4',
    'a takeover writes no marker',
    outbox('owner/takeover', 'if (from.n === 0) return buffer', 'return buffer'),
  ),
  heldBy(
    'OB4 OB53 last is the greatest of snapshot, marker and log',
    mutation(
      'OB4',
      'last is what the log says, without the snapshot',
      outbox('owner/takeover', 'positionOf(last, snapshot)', 'positionOf(last, null)'),
    ),
  ),
  heldBy(
    'OB4 OB53 last is the greatest of snapshot, marker and log',
    mutation(
      'OB4',
      'a room whose log is cut goes on as if its snapshot were a patch',
      outbox('owner/takeover', 'at, patchN, who: snapshot', 'at, patchN: n, who: snapshot'),
    ),
  ),
  heldBy(
    'OB4 the log is looked at again when the snapshot is ahead of it: the room may have ended between',
    mutation(
      'OB4',
      'the log is not looked at again after the snapshot',
      outbox('owner/takeover', 'if (snapshot && snapshot.n > (last?.n ?? 0)) last = ', 'await '),
    ),
  ),
  mutation(
    'OB4',
    'only the newest marker outlives retention',
    simulated(
      'documents',
      'if (this.events.get(each)?.type !== OWNER) found.push(each)',
      'const event = this.events.get(each)\n' +
        "const newest = this.#lasts.get(event?.room ?? '')?.findLast((e) => e.type === OWNER)\n" +
        'if (event?.type !== OWNER || newest !== event) found.push(each)',
    ),
  ),
  mutation(
    'OB5',
    'only wake-ups make the tail read',
    outbox('read/log-tail', 'this.#read()\n      this.#poll()', 'this.#poll()'),
  ),
  mutation(
    'OB5',
    'a read that never answers is waited for',
    outbox('read/log-tail', 'if (this.#readSince !== null && clock', 'if (false && clock'),
  ),
  mutation(
    'OB6',
    'a snapshot is stored before its n is acknowledged',
    outbox('append/room-buffer', 'if (last) last.snapshot = state', 'if (last) this.#save(state)'),
  ),
  mutation(
    'OB6',
    'events are deleted before the floor is raised',
    outbox(
      'keep/retention',
      'await store.marks.raiseFloor(floor)',
      'await store.events.deleteThrough(floor)\n    await store.marks.raiseFloor(floor)',
    ),
  ),
  mutation(
    'OB6',
    'the floor is raised without the state at it',
    outbox('keep/retention', 'await this.#states.keep(missing, () => this.#isStopped)', 'true'),
  ),
  mutation(
    'OB6',
    'a state is made of a log with gaps',
    outbox('keep/state-fold', 'if (event.n !== ++this.#n) this.#isBroken = true', ''),
  ),
  mutation(
    'OB6',
    'what is young is cut when there is much',
    outbox('keep/retention', '(isWithin || event.at >= tooYoung)', 'isWithin'),
  ),
  mutation(
    'OB6',
    'a flush of any age is sent again',
    outbox(
      'append/flush',
      'if (clock.now() - this.#startedAt > this.#giveUpAfterMs)',
      'if (false)',
    ),
  ),
  heldBy(
    'OB4 a marker that lost its numbers and waits for numbers until it is too old is not written',
    mutation(
      'OB4',
      'a marker that waited for new numbers is sent however old it is',
      outbox(
        'append/flush',
        '    this.#isNumbered = true\n    this.#begin()',
        '    this.#isNumbered = true',
      ),
    ),
  ),
  heldBy(
    'OB4 a marker that lost its numbers and waits for the transaction until it is too old is not written',
    mutation(
      'OB4',
      'a marker that waited for a transaction is sent however old it is',
      outbox('append/flush', ' && !rest.some(({ pending }) => this.#isStale(pending))', ''),
      outbox('append/flush', 'cause: null }\n      this.#begin()', 'cause: null }'),
    ),
  ),
  mutation(
    'OB6',
    'a tail behind the floor goes on where it was',
    outbox('read/log-tail', '|| floor <= this.#sealed) return false', '|| true) return false'),
  ),
  mutation(
    'OB7',
    'a patch that was sent is folded into',
    outbox('append/pending-events', 'if (this.#events.length <= this.#sentCount) return false', ''),
  ),
  mutation(
    'OB7',
    'a patch with a snapshot is folded into',
    outbox('append/pending-events', 'last.type !== PATCH || last.snapshot', 'last.type !== PATCH'),
  ),
  mutation(
    'FE1',
    'the floor is not checked',
    outbox('read/sealed-reader', 'if (after < floor)', 'if (false)'),
  ),
  mutation(
    'FE1',
    'the floor is checked before the page is read',
    outbox(
      'read/sealed-reader',
      'const found = after >= upTo',
      'const floor = await store.marks.floor()\n    const found = after >= upTo',
    ),
    outbox(
      'read/sealed-reader',
      '    const floor = await store.marks.floor()\n    noteFloor',
      '    noteFloor',
    ),
  ),
  mutation(
    'FE1',
    'a full page passes for all there is',
    outbox(
      'read/sealed-reader',
      'last && isFullAnswer(found, page) ? last.seq : Math.max(after, upTo)',
      'Math.max(after, upTo)',
    ),
  ),
  mutation(
    'FE1',
    'a read may show less than the one before it',
    simulated('sim-store', 'const after = this.#knownTime', 'const after = 0'),
  ),
  heldBy(
    'OB4 OB6 a room whose log was cut beyond its marker is not restored as empty',
    mutation(
      'OB6',
      'a room whose log was cut is restored as empty',
      outbox('read/read-room', 'if (last.n === 0) throw missing(room)', ''),
      outbox('log-outbox', 'if (whole.n !== n) throw missing(room)', ''),
    ),
  ),
  afterRestore(
    mutation(
      'OB102',
      'the numbers of a restored log go on where its counter is',
      outbox('history/restored', 'known < time ? time : known + AHEAD', 'known + 1'),
    ),
  ),
  afterRestore(
    mutation(
      'OB103',
      'a position that is void passes for one of the log',
      outbox('log-outbox', 'return this.#parts.store.voids.has(seq)', 'return seq < 0'),
    ),
  ),
  afterRestore(
    mutation(
      'OB104',
      'what is void keeps its place in a room',
      outbox('history/log-view', 'return this.#voids.isEmpty ? read() :', 'return true ? read() :'),
    ),
  ),
  afterRestore(
    mutation(
      'OB105',
      'nobody looks whether the last acknowledged event is there',
      outbox('history/history-watch', 'if (!last ||', 'if (true ||'),
    ),
  ),
  withPublishers(
    mutation(
      'OB107',
      'a message that is known has no blocking event: it is sent again',
      outbox('append/flush', ' || isMessageOf(blocking, culprit.event))', ')'),
    ),
  ),
  withPublishers(
    mutation(
      'OB107',
      'a message id is no index',
      simulated('documents', 'event.message ? this.byMessage(event.message) : null', 'null'),
    ),
  ),
  withPublishers(
    mutation(
      'OB107',
      'a message that is known is answered as new',
      outbox('append/message-owner', 'this.#answerAll(true)', 'this.#answerAll(false)'),
    ),
  ),
  withPublishers(
    mutation(
      'OB107',
      'whoever follows a message of the same id is answered as new',
      outbox('append/message-owner', 'isKnown || index > 0', 'isKnown'),
    ),
  ),
  withPublishers(
    mutation(
      'OB107',
      'a message that had landed passes for a duplicate of itself',
      outbox(
        'append/flush',
        'if (blocking && isSame(blocking, culprit.event)) {',
        'if (blocking && isSame(blocking, culprit.event) && !blocking.message) {',
      ),
      outbox(
        'append/flush',
        '} else if (blocking && blocking.seq === culprit.event.seq) {',
        '} else if (blocking && blocking.seq === culprit.event.seq && !blocking.message) {',
      ),
    ),
  ),
  withPublishers(
    mutation(
      'OB107',
      'messages have the own of tombstones',
      outbox('create-outbox', 'own: randomId(), enqueue', 'own: shared.own, enqueue'),
    ),
  ),
  withPublishers(
    mutation(
      'OB107',
      'a message is answered when it is sent',
      outbox(
        'append/message-owner',
        '    const at = timeOf(now)\n',
        '    const at = timeOf(now)\n    for (const call of this.#calls) call.resolve({ messageId, duplicate: false })\n',
      ),
    ),
  ),
  withPublishers(
    mutation(
      'OB109',
      'whoever follows a message that is refused is forgotten',
      outbox('append/message-owner', 'if (next) this.#send(next)\n    else', '\n   '),
    ),
  ),
  heldBy(
    'OB107 a thousand at once that were all published before cost no round trip each',
    mutation(
      'OB107',
      'others of the batch that are known are not looked for',
      outbox('append/flush', 'if (blocking.message) await this.#dropPublished()', ''),
    ),
  ),
  heldBy(
    'OB107 it is dropped, its number is voided, and the rooms of its batch go on',
    mutation(
      'OB107',
      'the number of a message that is known is left open',
      outbox(
        'append/flush',
        'if (this.#isNumbered) numbers.voidSoon(dropped.map((bound) => bound.event.seq))',
        '',
      ),
    ),
  ),
  heldBy(
    'OB109 one that has waited for maxOutboxLagMs is told that nothing is known, and is written still',
    mutation(
      'OB109',
      'a caller waits as long as the log is away',
      outbox('append/message-buffer', 'owner.expire(now - maxOutboxLagMs, unknownError())', ''),
    ),
  ),
  withPublishers(
    afterRestore(
      mutation(
        'OB104',
        'a message that is void is known still',
        outbox(
          'history/log-view',
          'this.#messagesNotVoid(events.byMessageIds(keys))',
          'events.byMessageIds(keys)',
        ),
      ),
    ),
  ),
  mutation('FE1', 'the ring closes over a gap', {
    file: 'server/src/feed/read/ring.ts',
    from: 'if (after > this.#end) {',
    to: 'if (false) {',
  }),
]
