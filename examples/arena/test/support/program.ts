import { Program as AnyProgram } from '../../../support/test/program.ts'

export { killPrograms } from '../../../support/test/program.ts'

const MAIN = new URL('../../src/server/main.ts', import.meta.url)

/** The arena, run from source. */
export class Program extends AnyProgram {
  constructor(env: Record<string, string>) {
    super(MAIN, env)
  }
}
