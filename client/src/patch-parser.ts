import {
  GROUP_HANDLES,
  GROUP_KEYS,
  GROUP_PARENTS,
  GROUP_PARENT_FIELD,
  PATCH_AT,
  PATCH_EPOCH,
  PATCH_FIRST_GROUP,
  PATCH_REMOVED,
  PATCH_TICK,
  PayloadError,
  SmallReader,
  WireType,
  decodeMessage,
  fromSteps,
  readScalar,
  schema,
  wireType,
} from '@ringside/protocol'
import type { Scalar, Schema, StateClass, StateField, StateLayout } from '@ringside/protocol'

/** A column: one value for each handle of its group. */
export interface Column {
  readonly field: StateField
  readonly values: unknown[]
}

/** Objects of one class, new or changed in the same fields. */
export interface ParsedGroup {
  readonly layout: StateClass
  readonly handles: number[]
  /** New objects only: one for all, or one for each. Empty for the root. */
  readonly parents: number[]
  parentField: number
  readonly keys: string[]
  readonly columns: Column[]
}

/** A StatePatch that is read and checked, while nothing of it is applied yet. */
export interface ParsedPatch {
  epoch: number
  tick: number
  at: number
  readonly removed: number[]
  /** Ordered by class, parents first. */
  readonly created: ParsedGroup[]
  readonly changed: ParsedGroup[]
}

/**
 * Reads a StatePatch (docs/protocol.md, "State patches") by a layout; unknown fields are skipped.
 * @throws PayloadError on bytes that are none.
 */
export function parsePatch(layout: StateLayout, payload: Uint8Array): ParsedPatch {
  try {
    return readPatch(layout, payload)
  } catch (cause) {
    throw cause instanceof PayloadError ? cause : malformed()
  }
}

function readPatch(layout: StateLayout, payload: Uint8Array): ParsedPatch {
  const reader = new SmallReader(payload)
  const patch: ParsedPatch = { epoch: 0, tick: 0, at: 0, removed: [], created: [], changed: [] }
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const number = tag >>> 3
    const wire = tag & 7
    if (number === PATCH_EPOCH && wire === WireType.varint) patch.epoch = reader.uint32()
    else if (number === PATCH_TICK && wire === WireType.varint) patch.tick = reader.uint32()
    else if (number === PATCH_AT && wire === WireType.fixed64) patch.at = reader.double()
    else if (number === PATCH_REMOVED) readHandles(reader, wire, patch.removed)
    else if (number >= PATCH_FIRST_GROUP && wire === WireType.bytes)
      readGroup(layout, reader, { patch, number })
    else reader.skipType(wire, 0, number)
  }
  if (!Number.isFinite(patch.at)) throw malformed()
  patch.created.sort((a, b) => a.layout.index - b.layout.index)
  return patch
}

function readGroup(
  layout: StateLayout,
  reader: SmallReader,
  to: { readonly patch: ParsedPatch; readonly number: number },
): void {
  const part = inner(reader)
  const index = (to.number - PATCH_FIRST_GROUP) >>> 1
  const isChange = ((to.number - PATCH_FIRST_GROUP) & 1) === 1
  // Objects of a class that only a newer server has are kept track of, for known ones may be inside; their values are not.
  if (index >= layout.classes.length && isChange) return
  const found = layout.classes[index] ?? unknownClass(index)
  const group: ParsedGroup = {
    layout: found,
    handles: [],
    parents: [],
    parentField: 0,
    keys: [],
    columns: [],
  }
  while (part.pos < part.len) readGroupField(part, group)
  for (const column of group.columns)
    if (column.values.length !== group.handles.length)
      throw new PayloadError(
        `${found.name}.${column.field.name}`,
        `Expected ${group.handles.length} values, got ${column.values.length}`,
      )
  if (isChange) to.patch.changed.push(group)
  else to.patch.created.push(group)
}

const NO_FIELDS = schema({})

function unknownClass(index: number): StateClass {
  return { index, name: '', schema: NO_FIELDS, fields: [], hasHidden: false, hasMaps: false }
}

function readGroupField(reader: SmallReader, group: ParsedGroup): void {
  const tag = reader.uint32()
  const number = tag >>> 3
  const wire = tag & 7
  if (number === GROUP_HANDLES) readHandles(reader, wire, group.handles)
  else if (number === GROUP_PARENTS) readHandles(reader, wire, group.parents)
  else if (number === GROUP_PARENT_FIELD && wire === WireType.varint)
    group.parentField = reader.uint32()
  else if (number === GROUP_KEYS && wire === WireType.bytes) group.keys.push(reader.stringVerify())
  else {
    const field = group.layout.fields.find((entry) => entry.column === number)
    if (field === undefined || field.target !== null) reader.skipType(wire, 0, number)
    else readColumn(reader, columnOf(group, field), wire)
  }
}

function columnOf(group: ParsedGroup, field: StateField): Column {
  const last = group.columns.at(-1)
  if (last?.field === field) return last
  let column = group.columns.find((entry) => entry.field === field)
  if (column === undefined) {
    column = { field, values: [] }
    group.columns.push(column)
  }
  return column
}

/** Takes numbers packed or one by one, as protobuf readers must. */
function readHandles(reader: SmallReader, wire: number, into: number[]): void {
  if (wire === WireType.varint) into.push(reader.uint32())
  else if (wire === WireType.bytes) {
    const part = inner(reader)
    while (part.pos < part.len) into.push(part.uint32())
  } else throw malformed()
}

function readColumn(reader: SmallReader, { field, values }: Column, wire: number): void {
  const { kind } = field
  if (kind === 'list') {
    if (wire !== WireType.bytes) throw malformed()
    values.push(readList(reader, field))
  } else if (wire === wireType(kind as Scalar['kind']))
    values.push(readScalar(reader, field as Scalar, field.name))
  else if (wire === WireType.bytes) readPacked(inner(reader), field, values)
  else throw malformed()
}

function readPacked(reader: SmallReader, field: StateField, values: unknown[]): void {
  // The kind that a game has most of gets a loop of its own.
  if (field.kind === 'quant') {
    const { step } = field
    while (reader.pos < reader.len) values.push(fromSteps(reader.sint32(), step))
  } else
    while (reader.pos < reader.len) values.push(readScalar(reader, field as Scalar, field.name))
}

function readList(reader: SmallReader, field: StateField): unknown {
  const { items } = decodeMessage(field.wrapper as Schema, reader.bytes()) as { items: unknown[] }
  return items
}

/** Reads a length and returns a reader of what follows. */
function inner(reader: SmallReader): SmallReader {
  return new SmallReader(reader.bytes())
}

function malformed(): PayloadError {
  return new PayloadError('', 'Expected a well-formed StatePatch')
}
