import type { AuditRecord } from '@ringside/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Route } from '../http/contract.ts'
import type { MessageLog } from '../outbox/contract/messages.ts'
import type { Published } from '../outbox/contract/messages.ts'
import type { Logger } from '../process/logger.ts'
import { Rate } from '../limit/rate.ts'
import type { RateRule } from '../limit/rate.ts'
import type { Clock } from '../process/clock.ts'
import type { Part } from '../process/part.ts'
import type { HttpRequest } from '../transport/contract.ts'
import { AuditTopic } from './audit-topic.ts'
import type { OwnTopicParts } from './own-topic.ts'
import { Presence } from './presence.ts'
import type { PresenceParts } from './presence.ts'
import { Publisher } from './publisher.ts'
import type { PublishAct, PublishOrder } from './publisher.ts'
import { publishRoutes } from './routes.ts'

export interface PublishContext {
  readonly log: MessageLog
  readonly logger: Logger
  readonly newId: () => string
  readonly maxBodyBytes: number
  readonly identify: (request: HttpRequest) => Principal | Promise<Principal>
  readonly clock: Clock
  /** Bounds how much each principal publishes over HTTP. */
  readonly rate: RateRule
  /** What the topic `presence` needs of the rooms; null: it is not told. */
  readonly presence: Omit<PresenceParts, keyof OwnTopicParts | 'clock'> | null
  /** The id of a client as the audit has it: that of nobody known is its secret. */
  readonly shownClient: (clientId: string) => Promise<string>
}

/** Publishers over their rate are told of so often a second each, for each record is a write of the log. */
const TOLD_PER_SECOND = 1
/** Events of one principal that are refused in a second, and written down as such (SS7). */
const REFUSALS_PER_SECOND = 10

/** Topics, as the rest of the server uses them. */
export interface Publish {
  /** Publishes for the server's own code, which may publish everything. @throws RingsideError as {@link Publisher}. */
  readonly publish: (order: PublishOrder) => Promise<Published>
  /** Tells of an act in the topic `audit`. */
  readonly audit: (record: AuditRecord) => void
  /** Null: the topic `presence` is not told. */
  readonly presence: Presence | null
  readonly part: Part<Route>
}

const serverOrigin = {
  principal: { id: 'server', mayPublish: () => true },
  remoteAddress: null,
  trace: null,
}

/** Constructs what publishes events without a room. */
export function createPublish(context: PublishContext): Publish {
  const { log, newId, logger, maxBodyBytes, identify, shownClient } = context
  const topic = new AuditTopic({ log, newId, logger, shownClient })
  const rate = new Rate(context.rate, context.clock)
  const told = new Rate({ points: TOLD_PER_SECOND }, context.clock)
  const refusals = new Rate({ points: REFUSALS_PER_SECOND }, context.clock)
  const publisher = new Publisher({
    log,
    newId,
    onAct: (act) => {
      const isOften = act.result === 'too_many_requests'
      if (!isOften || told.take(act.origin.principal.id)) topic.tell(recordOf(act))
    },
    charge: (id) => (id === serverOrigin.principal.id ? undefined : rate.takeInAll(id)),
    chargeRefusal: (id) => refusals.check(id),
  })
  const presence =
    context.presence &&
    new Presence({ log, newId, logger, clock: context.clock, ...context.presence })
  return {
    presence,
    publish: (order) => publisher.publish(order, serverOrigin),
    audit: (record) => topic.tell(record),
    part: {
      name: 'publishing',
      start: () => presence?.start(),
      stop: () => presence?.stop(),
      routes: publishRoutes({ publisher, identify, newId, maxBodyBytes }),
      counters: [
        {
          name: 'published_total',
          help: 'Events without a room that were put into the log',
          read: () => publisher.publishedCount,
        },
        {
          name: 'published_duplicates_total',
          help: 'Events that their publisher had published before, by messageId',
          read: () => publisher.duplicateCount,
        },
        {
          name: 'publish_refused_total',
          help: 'Events that were not published: not allowed, too many, or the log did not answer',
          read: () => publisher.refusedCount,
        },
        {
          name: 'audit_lost_total',
          help: 'Records of the topic audit that the log did not take',
          read: () => topic.lostCount,
        },
        ...(presence ? presence.counters : []),
      ],
    },
  }
}

function recordOf({ origin, target, messageId, result }: PublishAct): AuditRecord {
  const { topic, type, to } = target
  return {
    action: 'publish',
    by: origin.principal.id,
    target: { topic, type, messageId, ...(to === null ? {} : { to }) },
    remoteAddress: origin.remoteAddress,
    reason: '',
    durationMs: null,
    result,
  }
}
