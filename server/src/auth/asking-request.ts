/** What is looked at of a request, or of a handshake, whose method is GET. */
export interface AskingRequest {
  readonly method: string
  readonly query: URLSearchParams
  /** Lower-case name; '' when absent. */
  header(name: string): string
  readonly remoteAddress: string
}
