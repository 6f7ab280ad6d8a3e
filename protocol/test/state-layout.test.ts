import { int, list, map, num, object, quant, schema, stateLayout, str } from '@ringside/protocol'
import type { Field, Schema, StateField, StateLayout } from '@ringside/protocol'
import { describe, expect, it } from 'vitest'
import { seededRandom } from './seeded-random.ts'

type Entry = [string, Field]

/** A state of one's own each time; `order` says in which order fields are written down. */
function state(order: (entries: Entry[]) => Entry[]): Schema {
  const of = (fields: Record<string, Field>): Schema =>
    schema(Object.fromEntries(order(Object.entries(fields))))
  const Box = of({ w: int(1), note: str(2, { max: 9 }) })
  const Card = of({ v: int(3), box: object(1, Box) })
  const Player = of({
    name: str(1),
    x: quant(2, { step: 0.1 }),
    hand: map(4, Card, { audience: 'owner' }),
    items: list(7, Box, { max: 5 }),
    box: object(9, Box),
  })
  return of({
    players: map(1, Player),
    box: object(2, Box),
    teams: map(3, of({ members: map(1, Player), title: str(2) })),
    endsAt: num(200),
  })
}

/** All that both ends read from a table, without the objects that only the declaring end has. */
function describeTable({ classes, edges }: StateLayout): unknown {
  return {
    edges,
    classes: classes.map(({ index, name, hasHidden, hasMaps, fields }) => ({
      index,
      name,
      hasHidden,
      hasMaps,
      fields: fields.map(({ target, item, wrapper, ...field }) => ({
        ...field,
        target: target?.index ?? null,
        isList: item !== null && wrapper !== null,
      })),
    })),
  }
}

const written = (entries: Entry[]): Entry[] => entries

describe('the class table of a state', () => {
  it('ST3 the same declaration gives the same table, in whatever order its fields are written', () => {
    const random = seededRandom()
    const table = describeTable(stateLayout(state(written)))
    const one = state(written)
    expect(describeTable(stateLayout(one))).toEqual(table)
    expect(describeTable(stateLayout(one))).toEqual(table)
    for (let run = 0; run < 20; run++) {
      const shuffled = state((entries) =>
        entries
          .map((entry) => ({ entry, at: random() }))
          .sort((a, b) => a.at - b.at)
          .map(({ entry }) => entry),
      )
      expect(describeTable(stateLayout(shuffled))).toEqual(table)
    }
  })

  it('ST3 the table is this one: who changes its order breaks every client of an older build', () => {
    const { classes, edges } = stateLayout(state(written))
    expect(classes.map(({ name, hasHidden, hasMaps }) => [name, hasHidden, hasMaps])).toEqual([
      ['Root', true, true],
      ['Teams', true, true],
      ['Players', true, true],
      ['PlayersHand', false, false],
      ['Box', false, false],
    ])
    // Column of the field; class and number of the place of what is inside.
    expect(classes.map(({ fields }) => fields.map(describeField))).toEqual([
      ['players:6 -> 2 (5)', 'box:7 -> 4 (6)', 'teams:8 -> 1 (7)', 'endsAt:205'],
      ['members:6 -> 2 (4)', 'title:7'],
      ['name:6', 'x:7', 'hand:9 -> 3 (2)', 'items:12', 'box:14 -> 4 (3)'],
      ['box:6 -> 4 (1)', 'v:8'],
      ['w:6', 'note:7'],
    ])
    expect(edges).toBe(8)
  })

  it('ST3 a class stands after all that hold it; indices, names and places are unique', () => {
    const { classes, edges } = stateLayout(state(written))
    const places: number[] = []
    for (const [position, entry] of classes.entries()) {
      expect(entry.index).toBe(position)
      for (const field of entry.fields) {
        if (field.target === null) continue
        expect(field.target.index, field.name).toBeGreaterThan(position)
        expect(field.target).toBe(classes[field.target.index])
        places.push(field.edge)
      }
    }
    expect([...places].sort((a, b) => a - b)).toEqual(places.map((_, index) => index + 1))
    expect(edges).toBe(places.length + 1)
    expect(new Set(classes.map(({ name }) => name)).size).toBe(classes.length)
  })
})

it('ST3 an audience changes no class, no place and no column: another build reads the same bytes', () => {
  const withAudience = (audience: 'public' | 'owner' | 'team' | 'nobody') => {
    const Player = schema({
      name: str(1),
      plan: str(2, { audience }),
      box: object(3, schema({ w: int(1) }), { audience }),
    })
    const { classes } = stateLayout(schema({ players: map(1, Player), round: num(2) }))
    return {
      table: classes.map(({ name, fields }) => [name, ...fields.map(describeField)]),
      hasHidden: classes.map(({ hasHidden }) => hasHidden),
    }
  }
  const open = withAudience('public')
  expect(open.hasHidden).toEqual([false, false, false])
  for (const audience of ['owner', 'team', 'nobody'] as const) {
    expect(withAudience(audience).table).toEqual(open.table)
    expect(withAudience(audience).hasHidden).toEqual([true, true, false])
  }
  for (const audience of ['owner', 'team'] as const)
    expect(() => stateLayout(schema({ plan: str(1, { audience }) }))).toThrow(
      /Expected a map around/,
    )
})

function describeField({ name, column, edge, target }: StateField): string {
  return target === null ? `${name}:${column}` : `${name}:${column} -> ${target.index} (${edge})`
}
