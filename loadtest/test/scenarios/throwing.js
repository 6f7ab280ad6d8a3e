// Its setup fails.
export function setup() {
  throw new Error('no such luck')
}

export default function never() {}
