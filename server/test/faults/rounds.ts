/** How often each fault is played: 3 times, or RINGSIDE_FAULT_ROUNDS. */
export const ROUNDS = Number(process.env['RINGSIDE_FAULT_ROUNDS'] ?? 3)
