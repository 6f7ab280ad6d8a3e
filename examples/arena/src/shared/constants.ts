/** Size of the arena in units; (0, 0) is the upper left corner, y grows downwards. */
export const ARENA_WIDTH = 1600
export const ARENA_HEIGHT = 1000

/** Most players of a room, bots included. */
export const MAX_PLAYERS = 16
/** Simulation steps a second: the room's tick and the rate of a client's inputs. */
export const TICK_HZ = 30
/** Length of one simulation step in ms: what one input moves. */
export const STEP_MS = 1000 / TICK_HZ

/** Radius of a player in units. */
export const PLAYER_RADIUS = 22
/** Speed of a player in units a second. */
export const PLAYER_SPEED = 260
export const MAX_HEALTH = 100
/** A dead player comes back after this, in ms. */
export const RESPAWN_MS = 3_000
/** Nothing hurts a player for this long after appearing, in ms, or until they fire. */
export const SHIELD_MS = 2_000

/** Radius of a shot in units. */
export const SHOT_RADIUS = 5
/** Speed of a shot in units a second. */
export const SHOT_SPEED = 720
/** A shot ends after so many units. */
export const SHOT_RANGE = 760
export const SHOT_DAMAGE = 17
/** Least time between two shots of one player, in ms. */
export const SHOT_COOLDOWN_MS = 260

/** Mines that one player may have lying at once. */
export const MAX_MINES = 3
/** A mine goes off only this long after it was laid, in ms. */
export const MINE_ARM_MS = 1_000
/** Least time between two mines of one player, in ms. */
export const MINE_COOLDOWN_MS = 1_500
/** A mine goes off when somebody else's centre comes within so many units. */
export const MINE_TRIGGER_RADIUS = 50
/** Everybody but the owner within so many units of a blast is hurt. */
export const BLAST_RADIUS = 110
export const BLAST_DAMAGE = 65

/** Health that a pack gives. */
export const PACK_HEALTH = 40
/** Radius of a health pack in units. */
export const PACK_RADIUS = 16
/** A taken pack is back after this, in ms. */
export const PACK_RESPAWN_MS = 12_000

/** Length of a round in ms, unless the room was created with another. */
export const ROUND_MS = 180_000
/** The winner is shown for so long before the next round, in ms. */
export const RESULT_MS = 6_000

/** Messages that the chat keeps. */
export const CHAT_LINES = 50
/** Characters of a chat message and of a name. */
export const MAX_CHAT_CHARACTERS = 200
export const MAX_NAME_CHARACTERS = 24
/** A character as people count them (`cleanLine`) has at most so many of a string's units: fields and inputs count these. */
export const UNITS_PER_CHARACTER = 4

/** Bits of an input's `buttons`. */
export const BUTTON_FIRE = 1
export const BUTTON_MINE = 2

/** Colours of the players, 0xRRGGBB, made for a dark ground. `Player.color` is an index. */
export const PALETTE: readonly number[] = [
  0x4cc9f0, 0xff5d8f, 0xffd166, 0x06d6a0, 0xff8552, 0x9b8cff, 0xb8f35a, 0xff5c5c, 0x5b9dff,
  0xf0a6ff, 0x2fd6c8, 0xffb347, 0xe4e9ff, 0xd19a66, 0x86e29b, 0xff9ebb,
]
