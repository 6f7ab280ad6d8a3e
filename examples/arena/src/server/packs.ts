import {
  MAX_HEALTH,
  PACK_HEALTH,
  PACK_RADIUS,
  PACK_RESPAWN_MS,
  PLAYER_RADIUS,
} from '../shared/constants.ts'
import { PACK_SPOTS } from '../shared/walls.ts'
import type { ArenaRoom, Match } from './match.ts'

type Packs = ArenaRoom['state']['packs']

/** The packs of a fresh room, all there to be taken. */
export function createPacks(): Packs {
  const packs: Packs = {}
  PACK_SPOTS.forEach(({ x, y }, index) => {
    packs[`p${index + 1}`] = { x, y, active: true }
  })
  return packs
}

/** Gives packs to hurt players who stand on them, and brings taken ones back. */
export function checkPacks(match: Match): void {
  const { room } = match
  for (let index = 1; index <= PACK_SPOTS.length; index++) {
    const id = `p${index}`
    const pack = room.state.packs[id]
    if (!pack) continue
    if (!pack.active) {
      if (room.now >= (match.packsBackAt.get(id) ?? 0)) pack.active = true
      continue
    }
    for (const { id: who, player } of match.fighters.values()) {
      if (!player.alive || player.health >= MAX_HEALTH) continue
      const dx = player.x - pack.x
      const dy = player.y - pack.y
      if (dx * dx + dy * dy > (PLAYER_RADIUS + PACK_RADIUS) ** 2) continue
      player.health = Math.min(MAX_HEALTH, player.health + PACK_HEALTH)
      pack.active = false
      match.packsBackAt.set(id, room.now + PACK_RESPAWN_MS)
      room.emit('pickup', { who, pack: id, x: pack.x, y: pack.y })
      break
    }
  }
}

export function restockPacks(match: Match): void {
  for (let index = 1; index <= PACK_SPOTS.length; index++) {
    const pack = match.room.state.packs[`p${index}`]
    if (pack) pack.active = true
  }
}
