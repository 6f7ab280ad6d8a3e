// Runs every test that this machine can run and says in plain words what the machine lacks; with CI=true that is
// a failure. Further arguments go to vitest: npm test -- protocol
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromiumHint, findChromium, findNginx, nginxHint } from './services.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const isCi = process.env.CI === 'true' || process.env.CI === '1'
const environment = { ...process.env }

const chromium = findChromium()
if (chromium) environment.CHROMIUM_PATH = chromium
else {
  delete environment.CHROMIUM_PATH
  console.error(`test: ${chromiumHint}`)
  console.error(`test: the browser tests ${isCi ? 'fail' : 'are left out'}`)
}

const nginx = findNginx()
if (nginx) environment.NGINX_PATH = nginx
else {
  console.error(`test: ${nginxHint}`)
  console.error(`test: the tests behind a proxy ${isCi ? 'fail' : 'are left out'}`)
}

// This is done once, before the tests want it all at the same time.
const mongod = await import('./mongod.mjs')
  .then(({ findMongod }) => findMongod({ log: (line) => console.error(`test: ${line}`) }))
  .catch((error) => {
    console.error(`test: ${error instanceof Error ? error.message : String(error)}`)
    console.error(`test: the tests on MongoDB ${isCi ? 'fail' : 'are left out'}`)
    return null
  })
if (mongod) environment.MONGOD_PATH = mongod

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  env: environment,
  stdio: ['ignore', 'inherit', 'inherit'],
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  console.error(`test: could not run vitest: ${error.message}`)
  process.exitCode = 1
})
child.on('exit', (code) => {
  process.exitCode = isCi && !(chromium && nginx && mongod) ? 1 : (code ?? 1)
})
