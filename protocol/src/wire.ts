/** Writes protobuf's basic types. `#wire` makes it: protobufjs on Node, a small one in browsers. */
export interface WireWriter {
  uint32(value: number): WireWriter
  sint32(value: number): WireWriter
  double(value: number): WireWriter
  float(value: number): WireWriter
  bool(value: boolean): WireWriter
  string(value: string): WireWriter
  bytes(value: Uint8Array): WireWriter
  /** Begins a part that `ldelim` ends and puts its length in front of. */
  fork(): WireWriter
  ldelim(): WireWriter
  /** The bytes, in memory of their own. */
  finish(): Uint8Array
  /** Begins anew once every part has ended. */
  reset(): WireWriter
}

/** Reads protobuf's basic types. Every read throws beyond the end. */
export interface WireReader {
  pos: number
  readonly len: number
  uint32(): number
  sint32(): number
  double(): number
  float(): number
  bool(): boolean
  /** A view, valid as long as the message is. */
  bytes(): Uint8Array
  /** Text; throws on anything but well-formed UTF-8. A leading U+FEFF is a character like any other. */
  stringVerify(): string
  /** Skips a value of a field that is not known; groups nested too deep throw. */
  skipType(wire: number, depth: number, fieldNumber: number): unknown
}
