import type { FindCursor } from 'mongodb'

/** Reads a cursor up to the one that is enough; the rest is not fetched. */
export async function firstOf<D, T>(
  cursor: FindCursor<D>,
  read: (document: D) => T,
  isEnough: (one: T) => boolean,
): Promise<T[]> {
  const found: T[] = []
  for await (const document of cursor)
    // A batch at a time, not a promise for each document.
    for (const each of [document, ...cursor.readBufferedDocuments()]) {
      const one = read(each)
      found.push(one)
      if (isEnough(one)) return found
    }
  return found
}
