/*
 * What a client needs to know of the table `closeCodes`, without the texts, which a page need not load. A test compares.
 */

export const CLOSE_NORMAL = 1000
export const CLOSE_MOVED = 4004
export const CLOSE_CONTRACT_MISMATCH = 4008
export const CONTRACT_MISMATCH_TEXT = 'The contract does not fit the server'

/** No client dials again after these. */
const FINAL_CLOSE_CODES: ReadonlySet<number> = new Set([
  1000, 1002, 1008, 1009, 4000, 4001, 4005, 4006, 4007, 4008, 4010,
])

/**
 * May a client that was closed with `code` dial again by itself? Only a code of the table can say no: whatever else
 * (no close frame, 1011-1014 of a proxy during a deploy, codes that nobody here knows) comes from between.
 */
export function mayRedial(code: number): boolean {
  return !FINAL_CLOSE_CODES.has(code)
}
