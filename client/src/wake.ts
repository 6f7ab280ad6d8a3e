/**
 * Calls when waiting makes no sense any more, because the network came back or the page is looked at again.
 * Does nothing where there is no page (Node). Returns unsubscribe.
 */
export function onWake(callback: () => void): () => void {
  const page = globalThis.document as Document | undefined
  if (!page || !globalThis.addEventListener) return () => {}
  const visible = (): void => {
    if (page.visibilityState === 'visible') callback()
  }
  globalThis.addEventListener('online', callback)
  page.addEventListener('visibilitychange', visible)
  return () => {
    globalThis.removeEventListener('online', callback)
    page.removeEventListener('visibilitychange', visible)
  }
}
