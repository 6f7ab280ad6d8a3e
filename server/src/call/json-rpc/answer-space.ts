/**
 * The bytes that the finished answers of a sender's batches may take while they wait for the rest (JR17). Without
 * such a bound a batch of large results and one slow call would hold memory for its whole time.
 */
export interface AnswerSpace {
  /** False when there is too little, and then nothing is taken. */
  take(bytes: number): boolean
  free(bytes: number): void
}
