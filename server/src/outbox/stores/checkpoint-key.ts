/**
 * Names the checkpoint of a client's feed. The one without a name keeps the key that checkpoints had before feeds had
 * names; no id of a client has a slash.
 */
export function checkpointKey(clientId: string, feedName: string): string {
  return feedName === '' ? clientId : `${clientId}/${feedName}`
}
