/** What is kept of a drill of one account. Times are ISO 8601. */
export interface DrillSummary {
  readonly endedAt: string;
  readonly durationMs: number;
  readonly result: 'passed' | 'failed';
  /** Resources of the mirror; absent, like the next ones, where the drill came to no result. */
  readonly documents?: number;
  /** Those that came back, and are the same. */
  readonly restored?: number;
  /** Full id of the commit that was restored. */
  readonly commit?: string;
  /** How long a full restore takes at the configured pace. */
  readonly restoreMs?: number;
  /** Credentials that it needs beside the mirror. */
  readonly credentials?: number;
  /** Why it failed, or what became of its receipt. */
  readonly problem?: string;
  /** End of the last drill that passed. */
  readonly lastSuccess?: string;
}

/** Share of the mirror's resources that came back; `undefined` where the drill came to no result. */
export function restorableRatio({ documents, restored }: DrillSummary): number | undefined {
  if (documents === undefined || restored === undefined) return undefined;
  return documents === 0 ? 1 : restored / documents;
}
