/** Index of the first entry of a list that ascends by seq with a seq above `seq`. */
export function indexAfter(list: readonly { readonly seq: number }[], seq: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle]?.seq ?? 0) <= seq) low = middle + 1
    else high = middle
  }
  return low
}

/** Puts the entry where it belongs in a list that ascends by seq: mostly at the end. */
export function insertBySeq<T extends { readonly seq: number }>(list: T[], entry: T): void {
  const last = list[list.length - 1]
  if (!last || last.seq < entry.seq) list.push(entry)
  else list.splice(indexAfter(list, entry.seq), 0, entry)
}
