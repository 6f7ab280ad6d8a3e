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
