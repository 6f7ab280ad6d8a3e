#!/usr/bin/env node
// Makes an image smaller. Exit codes: 0 done, 1 it could not be carried out, 2 wrong usage.
import { runPruneCommand } from '#prune-command'

process.exitCode = runPruneCommand({
  args: process.argv.slice(2),
  print: (line) => console.log(line),
  printError: (line) => console.error(line),
})
