import { Long } from 'mongodb'
import { expect, it } from 'vitest'
import { toRoomDocument, toRoomRecord } from '../../../src/outbox/stores/mongo/documents.ts'
import { roomRecord } from '../../support/room-record.ts'

const record = roomRecord({ seed: '0e'.repeat(32) })

it('OB20 the seed in a room document is its text; a number of an older version becomes its digits', () => {
  const document = toRoomDocument(record, 2)
  expect(document.seed).toBe(record.seed)
  expect(toRoomRecord(document)).toEqual(record)
  for (const seed of [4_000_000_000, Long.fromNumber(4_000_000_000)])
    expect(toRoomRecord({ ...document, seed }).seed).toBe('4000000000')
})
