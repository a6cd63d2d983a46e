/** Limits above which deletions need a person's consent. */
export interface Guards {
  /** Per type and run: more than this many … */
  readonly maxDeletions: number;
  /** … and more than this share of the type's resources is refused. */
  readonly maxDeletionShare: number;
}

/**
 * Why so many deletions of one type need consent; `undefined`: they do not.
 * @param known resources of the type
 */
export function deletionLimit(deleted: number, known: number, guards: Guards): string | undefined {
  const { maxDeletions, maxDeletionShare } = guards;
  if (deleted <= maxDeletions || deleted <= known * maxDeletionShare) return undefined;
  const share = Math.round(maxDeletionShare * 100);
  return `the guard allows ${maxDeletions} or ${share} % (guards.maxDeletions, guards.maxDeletionShare)`;
}
