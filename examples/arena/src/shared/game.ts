import {
  bool,
  command,
  defineGame,
  event,
  int,
  list,
  map,
  num,
  quant,
  schema,
  str,
  uint,
} from '@ringside/protocol'
import { MAX_CHAT_CHARACTERS, MAX_NAME_CHARACTERS, UNITS_PER_CHARACTER } from './constants.ts'

/** Positions are held and sent in steps of a tenth of a unit. */
const position = { step: 0.1 } as const

/** Only the player who laid a mine sees it, until it goes off. */
export const Mine = schema({
  id: uint(1),
  x: quant(2, position),
  y: quant(3, position),
  /** Room clock in ms from which on it can go off. */
  armedAt: num(4),
})

export const Player = schema({
  name: str(1, { max: MAX_NAME_CHARACTERS * UNITS_PER_CHARACTER }),
  x: quant(2, position),
  y: quant(3, position),
  /** Direction of the aim, in radians. */
  angle: quant(4, { step: 0.01 }),
  health: uint(5),
  /** Kills of this round. */
  score: int(6),
  deaths: uint(7),
  /** Index into the palette. */
  color: uint(8),
  alive: bool(9),
  isBot: bool(10),
  /** Room clock in ms at which a dead player comes back. */
  respawnAt: num(11),
  /** The player is fresh from a respawn and cannot be hurt until then. */
  shieldUntil: num(12),
  /** Number of the last input that the server has taken: the owner reconciles with it. */
  lastInput: uint(13, { audience: 'owner' }),
  mines: list(14, Mine, { audience: 'owner', max: 3 }),
  isConnected: bool(15),
})

/** A shot in flight: moves in a straight line, so only its start is sent (see shots.ts). */
export const Shot = schema({
  owner: str(1),
  x: quant(2, position),
  y: quant(3, position),
  vx: quant(4, position),
  vy: quant(5, position),
  firedAt: num(6),
})

export const Pack = schema({ x: quant(1, position), y: quant(2, position), active: bool(3) })

export const ChatLine = schema({
  id: uint(1),
  from: str(2),
  name: str(3, { max: MAX_NAME_CHARACTERS * UNITS_PER_CHARACTER }),
  text: str(4, { max: MAX_CHAT_CHARACTERS * UNITS_PER_CHARACTER }),
  at: num(5),
})

export const ArenaState = schema({
  players: map(1, Player),
  shots: map(2, Shot),
  packs: map(3, Pack),
  round: uint(4),
  /** `play`, then `over` for a few seconds with the winner shown. */
  phase: str(5),
  endsAt: num(6),
  winner: str(7),
  winnerName: str(8),
  /** The last 50 messages by their id, so that a new one costs one line and not fifty. */
  chat: map(9, ChatLine, { max: 64 }),
  /** Room clock in ms at which the phase began. */
  startedAt: num(10),
})

/** The arena's contract: written once, imported by server, browser and bots. */
export const game = defineGame({
  commands: {
    /**
     * One simulation step of intent: 30 a second. moveX/moveY are a direction (length <= 1), angle the
     * aim in radians; buttons: 1 = fire, 2 = lay a mine. `sequence` grows from the player's `lastInput`.
     */
    input: command(
      0x0101,
      {
        sequence: uint(1),
        moveX: quant(2, { step: 0.01 }),
        moveY: quant(3, { step: 0.01 }),
        angle: quant(4, { step: 0.01 }),
        buttons: uint(5),
      },
      { cost: 1 },
    ),
    chat: command(
      0x0102,
      { text: str(1, { max: MAX_CHAT_CHARACTERS * UNITS_PER_CHARACTER }) },
      { reply: { id: uint(1) }, cost: 20 },
    ),
    rename: command(
      0x0103,
      { name: str(1, { max: MAX_NAME_CHARACTERS * UNITS_PER_CHARACTER }) },
      { reply: { name: str(1) }, cost: 20 },
    ),
  },
  rooms: {
    arena: {
      state: ArenaState,
      events: {
        hit: event({ by: str(1), whom: str(2), damage: uint(3), x: num(4), y: num(5) }),
        kill: event({ by: str(1), whom: str(2), weapon: str(3), x: num(4), y: num(5) }),
        blast: event({ owner: str(1), x: num(2), y: num(3) }),
        pickup: event({ who: str(1), pack: str(2), x: num(3), y: num(4) }),
        spawn: event({ who: str(1), x: num(2), y: num(3) }),
        chat: event({ id: uint(1), from: str(2), name: str(3), text: str(4) }),
        roundStart: event({ round: uint(1), endsAt: num(2) }),
        roundOver: event({ round: uint(1), winner: str(2), winnerName: str(3), score: int(4) }),
      },
    },
  },
})
