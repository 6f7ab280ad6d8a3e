/**
 * True where arguments are checked as a developer needs it (CN61): names and kinds of options, and the known name that is
 * nearest to an unknown one. That is everywhere but in a bundle that was made with the condition `production`.
 */
export const checksArguments = true
