import protobuf from 'protobufjs/minimal.js'
import type { WireReader, WireWriter } from './wire.ts'

/** A writer of protobufjs: the quickest there is where size does not matter. */
export function createWriter(): WireWriter {
  return protobuf.Writer.create()
}

/** A reader of protobufjs. */
export function createReader(bytes: Uint8Array): WireReader {
  return protobuf.Reader.create(bytes)
}
