import { describe, expect, it } from 'vitest'
import { TicketOffice } from '../../src/matchmake/ticket.ts'
import type { Ticket } from '../../src/matchmake/ticket.ts'

const ticket: Ticket = {
  room: 'r1',
  node: 'node-1',
  boot: 'b1',
  epoch: 1,
  session: 's1',
  id: 't1',
  expiresAt: 1_000,
}

describe('tickets', () => {
  const office = new TicketOffice('0123456789abcdef0123456789abcdef')

  it('MM1 a ticket of this office is read back until its time', () => {
    expect(office.verify(office.sign(ticket), 1_000)).toEqual(ticket)
    expect(() => office.verify(office.sign(ticket), 1_001)).toThrowError(
      expect.objectContaining({ code: 'ticket_expired' }),
    )
  })

  it('MM1 a ticket of another secret, a changed one and garbage are refused', () => {
    const other = new TicketOffice('another secret of thirty-two char')
    const signed = office.sign(ticket)
    const [body = '', signature = ''] = signed.split('.')
    const forged = Buffer.from(JSON.stringify({ ...ticket, session: 's2' })).toString('base64url')
    const attacks = [
      other.sign(ticket),
      `${forged}.${signature}`,
      `${body}.`,
      `.${signature}`,
      body,
      '',
      '.',
      `${signed}.${signature}`,
      'x'.repeat(2_000),
      signed.slice(0, -2),
    ]
    for (const attack of attacks)
      expect(() => office.verify(attack, 0), attack.slice(0, 60)).toThrowError(
        expect.objectContaining({ code: 'ticket_invalid' }),
      )
  })

  it('MM1 every single changed character of a ticket is noticed', () => {
    const signed = office.sign(ticket)
    for (let at = 0; at < signed.length - 1; at++) {
      const changed = `${signed.slice(0, at)}${signed[at] === 'A' ? 'B' : 'A'}${signed.slice(at + 1)}`
      expect(() => office.verify(changed, 0), `at ${at}`).toThrow()
    }
  })
})
