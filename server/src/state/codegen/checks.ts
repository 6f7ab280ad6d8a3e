import type { StateField } from '@ringside/protocol'

/**
 * The function `check<index>` of one scalar field: it returns the value in the form in which it is
 * kept (f32 rounded, quant as steps, text well-formed, never -0) or throws state_invalid.
 */
export function fieldChecks(field: StateField): string {
  const { index: i } = field
  const [expected, body] = checkOf(field)
  if (body === '') return ''
  const names = field.kind === 'oneOf' ? namesCode(field) : ''
  return `${names}const bad${i} = bad(${i}, ${JSON.stringify(expected)})
  function check${i}(v) { ${body.replaceAll('BAD', `bad${i}(v)`)} }`
}

/** A name is kept as its number. Names are words, which need no escape. */
function namesCode({ index, names }: StateField): string {
  const list = names.map((name) => `'${name}'`).join(', ')
  return `const names${index} = [${list}]
  const numbers${index} = new Map(names${index}.map((name, number) => [name, number]))
  `
}

function checkOf({
  kind,
  max,
  step,
  names,
  index,
}: StateField): readonly [expected: string, body: string] {
  switch (kind) {
    case 'str':
      // A lone surrogate has no UTF-8; players and spectators get the same replacement.
      return [
        `text of at most ${max} characters`,
        `if (typeof v !== 'string' || v.length > ${max}) BAD; return v.isWellFormed() ? v : v.toWellFormed()`,
      ]
    case 'oneOf':
      return [
        `one of ${names.join(', ')}`,
        `const n = numbers${index}.get(v); if (n === undefined) BAD; return n`,
      ]
    case 'bool':
      return ['true or false', `if (typeof v !== 'boolean') BAD; return v`]
    case 'int':
      return [
        'a whole number from -2^31 to 2^31-1',
        `if (typeof v !== 'number' || (v | 0) !== v) BAD; return v | 0`,
      ]
    case 'uint':
      return [
        'a whole number from 0 to 2^32-1',
        `if (typeof v !== 'number' || v >>> 0 !== v) BAD; return v >>> 0`,
      ]
    case 'num':
      return ['a finite number', `if (typeof v !== 'number' || v - v !== 0) BAD; return v + 0`]
    case 'f32':
      return [
        'a finite 32-bit number',
        `if (typeof v !== 'number') BAD; const r = Math.fround(v) + 0; if (r - r !== 0) BAD; return r`,
      ]
    case 'quant':
      return [
        `a number of at most 2^31 steps of ${step}`,
        `if (typeof v !== 'number') BAD; const r = Math.round(v / ${step}); if ((r | 0) !== r) BAD; return r | 0`,
      ]
    case 'bytes':
    case 'list':
    case 'map':
    case 'object':
      return ['', '']
  }
}
