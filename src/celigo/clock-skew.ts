/** Between which bounds the server's clock minus ours lies, in milliseconds. */
interface ClockSkew {
  readonly from: number;
  readonly to: number;
}

export const UNKNOWN_SKEW: ClockSkew = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/**
 * Narrows the bounds by one answer. All times in milliseconds since 1970.
 * @param date start of the second in which the server answered, by its clock
 * @param sentAt when the request was sent, by our clock
 * @param receivedAt when the answer had arrived, by our clock
 */
export function skewAfter(skew: ClockSkew, date: number, sentAt: number, receivedAt: number): ClockSkew {
  const [from, to] = [date - receivedAt, date + 1000 - sentAt];
  // A clock that was set meanwhile contradicts the earlier answers.
  if (from > skew.to || to < skew.from) return { from, to };
  return { from: Math.max(skew.from, from), to: Math.min(skew.to, to) };
}

/** 0 unless the answers prove that the clocks differ; then the lower bound. */
export function provenSkewMs({ from, to }: ClockSkew): number {
  return from <= 0 && to >= 0 ? 0 : from;
}
