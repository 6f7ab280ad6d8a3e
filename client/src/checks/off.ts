/** A page for players leaves out the checks of what its developer wrote (CN61). What comes from outside is checked as ever. */
export const checksArguments = false
