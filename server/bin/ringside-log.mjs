#!/usr/bin/env node
// What an operator does to a log in MongoDB. Exit codes: 0 done, 1 it could not be carried out, 2 wrong usage.
import { runLogCommand } from '#log-command'

process.exitCode = await runLogCommand({
  args: process.argv.slice(2),
  environment: process.env,
  print: (line) => console.log(line),
  printError: (line) => console.error(line),
})
