import type { Json } from './merge-patch.ts'
import { oneOf, optional, schema, str } from './schema.ts'
import type { Infer } from './schema.ts'

/** An event of a topic as it stands on the feed: `topic` tells it from an event of a room. */
export interface TopicEvent<Data = Json> {
  topic: string
  messageId: string
  /** Log time in ms. */
  at: number
  data: Data
}

/** `change` of what something tells of. */
const CHANGES = ['created', 'updated', 'deleted'] as const

/**
 * Body of `POST /feed/notification`, beside `messageId` and `topic`. Its type is `notification`, with the change
 * `updated` or `deleted` `notification.updated` or `notification.deleted`, which name the one of before by its `id`.
 */
export const notificationForm = schema({
  /** Default: the messageId. */
  id: optional(str(1)),
  title: optional(str(2)),
  message: optional(str(3)),
  /** Default `info`. */
  level: optional(oneOf(4, ['info', 'success', 'warning', 'error'])),
  change: optional(oneOf(5, CHANGES)),
})

/** Body of `POST /feed/alert`, beside `messageId` and `topic`. Its type is `alert`. */
export const alertForm = schema({
  severity: optional(oneOf(1, ['info', 'warning', 'error', 'critical'])),
  title: optional(str(2)),
  message: optional(str(3)),
})

/** Body of `POST /feed/data-update`, beside `data`, `messageId` and `topic`. Its type is `data-update`. */
export const dataUpdateForm = schema({
  /** What kind of thing changed, as `order`. */
  entity: optional(str(1)),
  /** Which of them. */
  id: optional(str(2)),
  change: optional(oneOf(3, CHANGES)),
})

/** Data of `notification` and `notification.updated`. */
export interface Notification {
  id: string
  title: string
  message: string
  level: NonNullable<Infer<typeof notificationForm>['level']>
}

/** Data of `alert`. */
export interface Alert {
  severity: NonNullable<Infer<typeof alertForm>['severity']>
  title: string
  message: string
}

/** Data of `data-update`. */
export interface DataUpdate {
  entity: string
  id: string
  change: (typeof CHANGES)[number]
  /** What the publisher tells of it; null when nothing. */
  data: Json
}

/** Data of the topic `audit`: who did what to whom. It never holds a key, a token or what was published. */
export interface AuditRecord {
  /** `publish`, `kick`, `ban`, `key.create` and so on. */
  action: string
  /** The principal, as `server` or `key:<id>`; null: none that is known. */
  by: string | null
  target: { readonly [name: string]: string }
  remoteAddress: string | null
  reason: string
  durationMs: number | null
  /** `done`, or the code of the refusal. */
  result: string
}

/** Data of `room.opened`, `room.restored` (another process has it, or a new one after a restart) and `room.ended`. */
export interface RoomPresence {
  /** Id of the room. */
  room: string
  /** Its type. */
  type: string
  /** Players with a seat, afterwards. */
  clients: number
}

/** Data of `player.joined`, `player.left`, `player.dropped` and `player.reconnected`. */
export interface PlayerPresence extends RoomPresence {
  sessionId: string
  name: string
}

/** Data of `room.changed`: so many came and went, who were too many to be told one by one. */
export interface PresenceSummary extends RoomPresence {
  joined: number
  left: number
  dropped: number
  reconnected: number
}

/** The events that the server's own routes publish, by type, and those of its topics `audit` and `presence`. */
export interface TopicEvents {
  notification: TopicEvent<Notification>
  'notification.updated': TopicEvent<Notification>
  'notification.deleted': TopicEvent<{ id: string }>
  alert: TopicEvent<Alert>
  'data-update': TopicEvent<DataUpdate>
  'test-event': TopicEvent<{ message: string }>
  audit: TopicEvent<AuditRecord>
  'room.opened': TopicEvent<RoomPresence>
  'room.restored': TopicEvent<RoomPresence>
  'room.ended': TopicEvent<RoomPresence | PresenceSummary>
  'room.changed': TopicEvent<PresenceSummary>
  'player.joined': TopicEvent<PlayerPresence>
  'player.left': TopicEvent<PlayerPresence>
  'player.dropped': TopicEvent<PlayerPresence>
  'player.reconnected': TopicEvent<PlayerPresence>
}

/** Answer of everything that publishes. */
export interface PublishAnswer {
  messageId: string
  /** True when the same principal had published this messageId before: nothing was added. */
  duplicate: boolean
}
