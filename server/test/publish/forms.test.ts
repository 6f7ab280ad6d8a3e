import { describe, expect, it } from 'vitest'
import { alert, dataUpdate, notification, plain, testEvent } from '../../src/publish/forms.ts'
import type { Body, Form } from '../../src/publish/forms.ts'
import { jsonText } from '../../src/process/json-text.ts'

describe('the forms of what is published', () => {
  const filled: [name: string, form: Form, body: Body, type: string, data: unknown][] = [
    ['any type and data', plain, { type: 'build.done', data: [1, null] }, 'build.done', [1, null]],
    ['eventType for type', plain, { eventType: 'x', data: null }, 'x', null],
    [
      'a notification',
      notification,
      { title: 'Hi', message: 'there' },
      'notification',
      { id: 'm1', title: 'Hi', message: 'there', level: 'info' },
    ],
    [
      'a notification that was updated',
      notification,
      { id: 'n', title: 'Hi', level: 'error', change: 'updated' },
      'notification.updated',
      { id: 'n', title: 'Hi', message: '', level: 'error' },
    ],
    [
      'a notification that was deleted',
      notification,
      { id: 'n', change: 'deleted' },
      'notification.deleted',
      { id: 'n' },
    ],
    [
      'an alert',
      alert,
      { severity: 'critical', message: 'Hot' },
      'alert',
      { severity: 'critical', title: '', message: 'Hot' },
    ],
    [
      'a data update',
      dataUpdate,
      { entity: 'order', id: '7', change: 'updated', data: { total: 3 } },
      'data-update',
      { entity: 'order', id: '7', change: 'updated', data: { total: 3 } },
    ],
    [
      'a data update without data',
      dataUpdate,
      { entity: 'order', id: '7', change: 'deleted' },
      'data-update',
      { entity: 'order', id: '7', change: 'deleted', data: null },
    ],
    ['a test event', testEvent, {}, 'test-event', { message: 'Hello from Ringside' }],
  ]

  it.each(filled)('PU4: %s', (_, form, body, type, data) => {
    expect(form(body, 'm1')).toEqual({ type, data })
  })

  const refused: [name: string, form: Form, body: Body, message: RegExp][] = [
    ['no data', plain, { type: 'x' }, /Expected data/],
    ['both names of the type', plain, { type: 'x', eventType: 'x', data: 1 }, /got both/],
    ['a field that nobody reads', plain, { type: 'x', data: 1, dta: 1 }, /got 'dta'/],
    ['no title', notification, { message: 'x' }, /Expected title/],
    ['a level that is none', notification, { title: 'x', level: 'loud' }, /level/],
    ['a change of nothing', notification, { title: 'x', change: 'updated' }, /Expected the id/],
    ['a title of another type', notification, { title: 7 }, /title/],
    ['no severity', alert, { message: 'x' }, /Expected severity/],
    ['no message', alert, { severity: 'info' }, /Expected message/],
    ['no entity', dataUpdate, { id: '7', change: 'updated' }, /Expected entity/],
    ['no change', dataUpdate, { entity: 'a', id: '7' }, /Expected change/],
    ['a message that is no text', testEvent, { message: {} }, /Expected message/],
  ]

  it.each(refused)('PU4: %s is refused', (_, form, body, message) => {
    expect(() => form(body, 'm1')).toThrow(message)
  })
})

describe('jsonText', () => {
  it('PU3: halves of surrogate pairs become U+FFFD, whole ones and escaped backslashes stay', () => {
    expect(jsonText({ '\ud800': 'a\udfff\ud83d\ude00' })).toBe('{"\\ufffd":"a\\ufffd\u{1f600}"}')
    expect(jsonText('\\ud800 \ud800')).toBe('"\\\\ud800 \\ufffd"')
    expect(jsonText('\\\ud800')).toBe('"\\\\\\ufffd"')
    expect(jsonText(undefined)).toBeUndefined()
  })
})
