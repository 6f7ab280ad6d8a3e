import type { SessionCaller } from '../call/call.ts'
import { PlainReply, RequestReply } from '../call/reply.ts'
import type { ServerLimits } from '../process/limits.ts'
import { Conduct } from '../limit/conduct.ts'
import type { Introduction } from './introduction.ts'

/**
 * A client's conduct and the targets of its answers. They are made with its first message, since many a session only
 * listens, and they are a good part of its objects' memory (`npm run bench -- dispatch`, memory per idle session).
 */
export class Inbound {
  readonly conduct: Conduct
  readonly plain: PlainReply
  /** Each REQUEST fills it anew. */
  readonly request: RequestReply
  /** Null until the client was asked for its contract. */
  introduction: Introduction | null = null

  constructor(caller: SessionCaller, limits: ServerLimits, now: number) {
    this.conduct = new Conduct(limits, now)
    this.plain = new PlainReply(caller)
    this.request = new RequestReply(caller)
  }
}
