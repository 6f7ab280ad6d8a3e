import type { Route } from '../http/contract.ts'
import { AddressCount } from '../limit/address-count.ts'
import { AddressRate } from '../limit/address-rate.ts'
import type { Sharing } from '../limit/rate.ts'
import type { ServerLimits } from '../process/limits.ts'
import type { Part } from '../process/part.ts'
import { MadeRooms } from './made-rooms.ts'
import { Matchmaker } from './matchmaker.ts'
import type { MatchmakerParts } from './matchmaker.ts'
import { matchmakeRoutes } from './routes.ts'
import { TicketOffice } from './ticket.ts'

/** Matchmaking is made of these. */
export interface MatchmakingContext extends Pick<
  MatchmakerParts,
  'host' | 'clock' | 'nodeName' | 'newId' | 'isFull' | 'standing'
> {
  /** The key by which tickets are signed. */
  readonly ticketKey: () => Buffer
  /** How requests are counted in all processes; null: each counts for itself. */
  readonly sharing: Sharing | null
  readonly limits: Pick<
    ServerLimits,
    'ticketTtlMs' | 'maxUnclaimedPerIp' | 'maxRoomsPerIp' | 'joinsPerSecondPerIp' | 'maxBodyBytes'
  >
}

/** Makes the matchmaker of the rooms of this process, with what it is made of and its routes. */
export function createMatchmaking({ ticketKey, limits, sharing, ...context }: MatchmakingContext): {
  readonly matchmaker: Matchmaker
  readonly part: Part<Route>
} {
  const matchmaker = new Matchmaker({
    ...context,
    office: new TicketOffice(ticketKey),
    ticketTtlMs: limits.ticketTtlMs,
    unclaimed: new AddressCount(limits.maxUnclaimedPerIp),
    made: new MadeRooms(context.host, limits.maxRoomsPerIp),
  })
  const joins = new AddressRate(
    { points: limits.joinsPerSecondPerIp, shared: sharing },
    context.clock,
  )
  const routes = matchmakeRoutes({ matchmaker, joins, maxBodyBytes: limits.maxBodyBytes })
  return {
    matchmaker,
    part: {
      name: 'matchmaking',
      routes,
      counters: [
        {
          name: 'seats_given_back_total',
          help: 'Seats and wishes for one that clients have given up before they were in',
          read: () => matchmaker.givenBackCount,
        },
      ],
    },
  }
}
