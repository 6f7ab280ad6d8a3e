import { decodeMessage, encodeMessage } from './message-codec.ts'
import { FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES_LIMIT, encodeFrame } from './frame.ts'
import { bool, bytes, int, list, num, optional, schema, str, uint } from './schema.ts'
import type { Infer, Schema } from './schema.ts'

/** One system message: its command id and its payload. */
export interface SystemMessage<S extends Schema = Schema> {
  readonly id: number
  /** The end that sends it. */
  readonly from: 'client' | 'server' | 'both'
  readonly payload: S
}

function message<S extends Schema>(
  id: number,
  from: SystemMessage['from'],
  payload: S,
): SystemMessage<S> {
  return Object.freeze({ id, from, payload })
}

/** Longest fingerprint of a contract that is looked at. */
const MAX_FINGERPRINT = 64

/** One player of a room's roster. */
export const rosterEntry = schema({ sessionId: str(1), name: str(2) })

/**
 * The fields that every `StatePatch` begins with. The rest of the message depends on the room's state
 * (see state-layout.ts and docs/protocol.md, "State patches"); `at` is the room clock in ms.
 */
export const patchHeader = schema({ epoch: uint(1), tick: uint(2), at: num(3) })

/**
 * Every system command of the protocol, by name. The payload of STATE and PATCH is a `StatePatch` message, of
 * which only the header is declared here; all others are plain messages.
 */
export const system = {
  /** First frame of the SDK: takes the seat that the ticket names. */
  join: message(
    0xffff0001,
    'client',
    schema({
      ticket: str(1),
      /** Fingerprint of the client's contract; a client without one is not asked for it. */
      contract: optional(str(2, { max: MAX_FINGERPRINT })),
      /** The last EVENT that the client has seen, when it comes back: the room's epoch then, and its index. */
      epoch: optional(uint(3)),
      index: optional(uint(4)),
    }),
  ),
  /** Leaves the room for good; the server answers LEFT and closes. */
  leave: message(0xffff0002, 'client', schema({})),
  /** A command that wants a correlated answer. */
  request: message(
    0xffff0003,
    'client',
    schema({ correlation: uint(1), command: uint(2), payload: bytes(3) }),
  ),
  /** Round trip and clock: the answer is PONG with the same clientTime. */
  ping: message(0xffff0004, 'client', schema({ clientTime: num(1) })),
  /**
   * The client's contract: its fingerprint alone, first thing on a connection that takes no seat, or with its text, to
   * CONTRACT_WANTED.
   */
  contract: message(
    0xffff0005,
    'client',
    schema({
      fingerprint: str(1, { max: MAX_FINGERPRINT }),
      text: optional(str(2, { max: MAX_PAYLOAD_BYTES_LIMIT })),
    }),
  ),
  /** The seat is taken; STATE follows. */
  joined: message(
    0xffff0010,
    'server',
    schema({
      roomId: str(1),
      type: str(2),
      sessionId: str(3),
      name: str(4),
      epoch: uint(5),
      /** Take the seat back with it while the room keeps it; a new one comes with each JOINED. */
      reconnectToken: str(6),
      /** Ticks a second; 0 for a room without a tick. */
      tickHz: num(7),
      /** Patches a second to players. */
      patchHz: num(8),
      /** Room clock in ms at sending. */
      now: num(9),
      roster: list(10, rosterEntry),
      /** Largest payload that the server takes; a larger one closes with `too_large`. */
      maxPayloadBytes: optional(uint(11)),
      /** Index of the room's last event: EVENTs up to it that follow are those that the client has missed. */
      index: optional(uint(12)),
      /** The room no longer has all events that the client has missed: none of them follows. */
      eventsMissed: optional(bool(13)),
    }),
  ),
  /** Full state: replaces all that the client has. */
  state: message(0xffff0011, 'server', patchHeader),
  /** Changes since the last STATE or PATCH. */
  patch: message(0xffff0012, 'server', patchHeader),
  /** Answer to a REQUEST. */
  reply: message(0xffff0013, 'server', schema({ correlation: uint(1), payload: bytes(2) })),
  /** A refusal: of a REQUEST (with its correlation) or of a plain command. */
  error: message(
    0xffff0014,
    'server',
    schema({
      command: uint(1),
      correlation: optional(uint(2)),
      code: str(3),
      message: str(4),
      /** May the client send the same again later? */
      retry: bool(5),
    }),
  ),
  pong: message(0xffff0015, 'server', schema({ clientTime: num(1), serverTime: num(2) })),
  /** The server will close soon; dial again after retryMs. */
  goingAway: message(0xffff0016, 'server', schema({ retryMs: uint(1) })),
  /** A room event; the payload is of the contract's event. `index` counts the events of the room. */
  event: message(
    0xffff0017,
    'server',
    schema({ name: str(1), at: num(2), payload: bytes(3), index: optional(uint(4)) }),
  ),
  /** Somebody came or went. */
  presence: message(
    0xffff0018,
    'server',
    schema({ sessionId: str(1), name: str(2), present: bool(3) }),
  ),
  /** The client is out of the room; `code` is the close code that follows, 0 if none does. */
  left: message(0xffff0019, 'server', schema({ code: int(1), reason: str(2) })),
  /** The room stands still until its log takes events again; or it goes on, as JOINED says too. */
  paused: message(0xffff001a, 'server', schema({ paused: bool(1) })),
  /** The server does not know the client's fingerprint: CONTRACT with the text, then it goes on. */
  contractWanted: message(0xffff001b, 'server', schema({})),
  /**
   * A piece of the payload of one STATE that is too large to be sent at once: `payload` belongs at `offset` of
   * `total` bytes. See {@link StateParts}.
   */
  statePart: message(
    0xffff001c,
    'server',
    schema({ offset: uint(1), total: uint(2), payload: bytes(3) }),
  ),
  /** An operator's words to the players of a room. `level` is `info` or `warning`, `at` the room clock in ms. */
  notice: message(0xffff001d, 'server', schema({ text: str(1), level: str(2), at: num(3) })),
} as const

/** Name of a system message. */
export type SystemName = keyof typeof system

/** A system message to be sent: its optional fields may be left out. */
export type SystemValue<N extends SystemName> = MayLeaveOut<Infer<(typeof system)[N]['payload']>>

type MayLeaveOut<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K]
} & { [K in keyof T as undefined extends T[K] ? K : never]?: T[K] }

/** Encodes a whole frame of a system message. */
export function encodeSystem<N extends SystemName>(name: N, value: SystemValue<N>): Uint8Array {
  const definition: SystemMessage = system[name]
  return encodeFrame(definition.id, encodeMessage(definition.payload, value as never))
}

/**
 * Decodes the payload of a frame of a system message.
 * @throws PayloadError when it does not fit.
 */
export function decodeSystem<N extends SystemName>(
  name: N,
  frame: Uint8Array,
): Infer<(typeof system)[N]['payload']> {
  const definition: SystemMessage = system[name]
  const value = decodeMessage(definition.payload, frame.subarray(FRAME_HEADER_BYTES))
  return value as Infer<(typeof system)[N]['payload']>
}
