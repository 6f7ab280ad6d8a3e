import type { MessageModel } from './message-model.ts'
import { fieldModel, pascalCase } from './field-model.ts'
import type { FieldModel } from './field-model.ts'
import type { Schema } from './schema.ts'
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
  stateLayout,
} from './state-layout.ts'
import type { StateClass, StateField } from './state-layout.ts'

/**
 * Describes the columnar message in which a room's state travels. Names with an underscore are the
 * framework's own: a game's fields have none, so they never collide.
 * @throws TypeError as `stateLayout` does.
 */
export function patchMessage(type: string, state: Schema): MessageModel {
  const fields: FieldModel[] = [
    plain(PATCH_EPOCH, 'epoch', 'uint32'),
    plain(PATCH_TICK, 'tick', 'uint32'),
    plain(PATCH_AT, 'at', 'double'),
    repeated(PATCH_REMOVED, 'removed_handles', 'uint32'),
  ]
  for (const entry of stateLayout(state).classes) {
    const number = PATCH_FIRST_GROUP + 2 * entry.index
    const type = `${entry.name}Columns`
    const name = entry.name.charAt(0).toLowerCase() + entry.name.slice(1)
    fields.push({ ...repeated(number, `${name}_created`, type), fields: columns(entry) })
    // The same message may come again; it is described once.
    fields.push(repeated(number + 1, `${name}_changed`, type))
  }
  return { name: `${pascalCase(type)}Patch`, role: 'patch', subject: type, id: null, fields }
}

function columns(entry: StateClass): FieldModel[] {
  return [
    repeated(GROUP_HANDLES, 'object_handles', 'uint32'),
    repeated(GROUP_PARENTS, 'object_parents', 'uint32'),
    plain(GROUP_PARENT_FIELD, 'parent_field', 'uint32'),
    repeated(GROUP_KEYS, 'map_keys', 'string'),
    ...entry.fields.filter(({ target }) => target === null).map((field) => column(entry, field)),
  ]
}

/** One value for each object of the group; a list's value is a message that holds its items. */
function column(entry: StateClass, field: StateField): FieldModel {
  const declared = entry.schema.ordered[field.index]
  if (declared === undefined) throw new TypeError(`Expected ${entry.name} to declare ${field.name}`)
  const model: FieldModel = { ...fieldModel(declared), number: field.column, label: 'repeated' }
  if (field.wrapper === null) return model
  const type = `${pascalCase(field.name)}List`
  return { ...model, type, max: null, fields: field.wrapper.ordered.map(fieldModel) }
}

function plain(number: number, name: string, type: string): FieldModel {
  const nothing = { step: null, max: null, fields: null } as const
  return { number, name, label: 'single', type, audience: 'public', ...nothing }
}

function repeated(number: number, name: string, type: string): FieldModel {
  return { ...plain(number, name, type), label: 'repeated' }
}
