/** How much is measured. */
export interface Scale {
  /** Resources of the account whose runs are timed. */
  readonly size: number;
  readonly rounds: number;
  /** Rounds of first runs, which take longest. */
  readonly firstRuns: number;
  /** Resources of the account whose first run is asked for its memory, and ten times those of the smaller one. */
  readonly memory: number;
  /** Resources of the account that `lint` and `impact` read, and eight times those of the smaller one. */
  readonly read: number;
  /** At least 1,000: in a smaller made-up account, resources refer to some that it does not have. */
  readonly restored: number;
  /** Commits of 200 changes each that are reported. */
  readonly commits: number;
}

export const FULL: Scale = {
  size: 20_000,
  rounds: 5,
  firstRuns: 3,
  memory: 100_000,
  read: 8_000,
  restored: 5_000,
  commits: 50,
};

/** A look in two minutes at whether anything got much slower. */
export const QUICK: Scale = {
  size: 4_000,
  rounds: 3,
  firstRuns: 2,
  memory: 10_000,
  read: 2_000,
  restored: 1_000,
  commits: 10,
};
