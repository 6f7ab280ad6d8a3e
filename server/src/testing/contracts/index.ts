export { describeTransport } from './transport.ts'
export type { ContractClient, ContractReply, ContractSubject } from './transport.ts'
