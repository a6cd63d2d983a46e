/** Result of one check of `doctor`. */
export interface Finding {
  /** `configuration`, `node`, `secrets`, `git`, `repository`, `remote`, or the account's name. */
  readonly area: string;
  readonly check: string;
  readonly verdict: 'ok' | 'note' | 'fault';
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}
