import type { Key } from '../core/keys.ts';
import type { AccountGraph } from '../graph/account-graph.ts';

export type Severity = 'error' | 'warning' | 'info';

/** One problem of the configuration. */
export interface Problem {
  /** The resource that has it. */
  readonly key: Key;
  /** Where in its document. */
  readonly place?: string;
  /** Line of a text of several lines, from 1. */
  readonly line?: number;
  /** What is wrong, in a few words; never contains a credential. */
  readonly message: string;
}

/** One kind of problem that lint looks for. */
export interface Rule {
  readonly id: string;
  readonly severity: Severity;
  /** For the list of rules: what it finds and why that matters. */
  readonly about: string;
  readonly check: (graph: AccountGraph) => readonly Problem[] | Promise<readonly Problem[]>;
}
