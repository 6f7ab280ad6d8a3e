/** The first thing that was seen to be wrong; what comes after it proves nothing. */
export class Findings {
  first: string | null = null

  /** Notes that a rule is broken, in plain words. */
  add(rule: string, text: string): void {
    this.first ??= `${rule}: ${text}`
  }

  check(isRight: boolean, rule: string, text: () => string): void {
    if (!isRight && this.first === null) this.add(rule, text())
  }
}
