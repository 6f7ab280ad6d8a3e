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
  checkScalar,
  decodeMessage,
  fromSteps,
  nameOf,
  schema,
} from '@ringside/protocol'
import type { ScalarItem, Schema, StateClass, StateField, StateLayout } from '@ringside/protocol'
import { BYTES, FIXED32, FIXED64, PatchReader, VARINT, malformed } from './patch-reader.ts'

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
  const reader = new PatchReader(payload)
  const patch: ParsedPatch = { epoch: 0, tick: 0, at: 0, removed: [], created: [], changed: [] }
  while (reader.pos < reader.end) {
    const tag = reader.uint32()
    const number = tag >>> 3
    const wire = tag & 7
    if (number === PATCH_EPOCH && wire === VARINT) patch.epoch = reader.uint32()
    else if (number === PATCH_TICK && wire === VARINT) patch.tick = reader.uint32()
    else if (number === PATCH_AT && wire === FIXED64) patch.at = reader.double()
    else if (number === PATCH_REMOVED) readHandles(reader, wire, patch.removed)
    else if (number >= PATCH_FIRST_GROUP && wire === BYTES)
      readGroup(layout, reader, { patch, number })
    else reader.skip(wire)
  }
  if (!Number.isFinite(patch.at)) throw malformed()
  patch.created.sort((a, b) => a.layout.index - b.layout.index)
  return patch
}

function readGroup(
  layout: StateLayout,
  reader: PatchReader,
  to: { readonly patch: ParsedPatch; readonly number: number },
): void {
  const inner = reader.inner()
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
  while (inner.pos < inner.end) readGroupField(inner, group)
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

function readGroupField(reader: PatchReader, group: ParsedGroup): void {
  const tag = reader.uint32()
  const number = tag >>> 3
  const wire = tag & 7
  if (number === GROUP_HANDLES) readHandles(reader, wire, group.handles)
  else if (number === GROUP_PARENTS) readHandles(reader, wire, group.parents)
  else if (number === GROUP_PARENT_FIELD && wire === VARINT) group.parentField = reader.uint32()
  else if (number === GROUP_KEYS && wire === BYTES) group.keys.push(reader.string())
  else {
    const field = group.layout.fields.find((entry) => entry.column === number)
    if (field === undefined || field.target !== null) reader.skip(wire)
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
function readHandles(reader: PatchReader, wire: number, into: number[]): void {
  if (wire === VARINT) into.push(reader.uint32())
  else if (wire === BYTES) {
    const inner = reader.inner()
    while (inner.pos < inner.end) into.push(inner.uint32())
  } else throw malformed()
}

function readColumn(reader: PatchReader, { field, values }: Column, wire: number): void {
  if (field.kind === 'str' || field.kind === 'list') {
    if (wire !== BYTES) throw malformed()
    values.push(field.kind === 'str' ? readText(reader, field) : readList(reader, field))
  } else if (wire === BYTES) readPacked(reader.inner(), field, values)
  else if (wire === wireOf(field)) values.push(readScalar(reader, field))
  else throw malformed()
}

function readPacked(reader: PatchReader, field: StateField, values: unknown[]): void {
  // The two kinds that a game has most of get loops of their own.
  if (field.kind === 'quant') {
    const { step } = field
    while (reader.pos < reader.end) values.push(fromSteps(reader.sint32(), step))
  } else while (reader.pos < reader.end) values.push(readScalar(reader, field))
}

function wireOf(field: StateField): number {
  if (field.kind === 'f32') return FIXED32
  return field.kind === 'num' ? FIXED64 : VARINT
}

function readScalar(reader: PatchReader, field: StateField): unknown {
  switch (field.kind) {
    case 'quant':
      return fromSteps(reader.sint32(), field.step)
    case 'int':
      return reader.sint32()
    case 'uint':
      return reader.uint32()
    case 'bool':
      return reader.uint32() !== 0
    case 'oneOf':
      return nameOf(field.names, reader.uint32(), field.name)
    case 'f32':
      return finite(reader.float())
    case 'num':
      return finite(reader.double())
    case 'str':
    case 'bytes':
    case 'list':
    case 'map':
    case 'object':
      throw malformed()
  }
}

function finite(value: number): number {
  if (value - value !== 0) throw new PayloadError('', 'Expected a finite number')
  return value
}

function readText(reader: PatchReader, field: StateField): unknown {
  return checkScalar(field as unknown as ScalarItem, reader.string(), field.name)
}

function readList(reader: PatchReader, field: StateField): unknown {
  const { items } = decodeMessage(field.wrapper as Schema, reader.bytes()) as { items: unknown[] }
  return items
}
