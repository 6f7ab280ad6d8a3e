/**
 * True where arguments are checked as a developer needs it (CN61): names and kinds of options, and the known name that is
 * nearest to an unknown one. That is in Node, and on a page whose bundler has the condition `development`.
 */
export const checksArguments = true
