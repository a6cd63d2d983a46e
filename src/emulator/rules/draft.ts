import type { ResourceType } from '../../catalogue/types.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Account } from '../model/account.ts';
import type { HandlerFault } from '../model/api-fault.ts';

/** A document on its way into the store. */
export interface Draft {
  readonly type: ResourceType;
  readonly id: string;
  readonly doc: JsonObject;
  /** As it was sent: what the server then fills in by itself is not there yet. */
  readonly sent: JsonObject;
  /** What is replaced; absent when the document is new. */
  readonly stored: JsonObject | undefined;
}

/** What is wrong with a document, in the order in which the server finds it: it answers the first. */
export type Faults = Iterable<HandlerFault>;

export type Check = (draft: Draft, account: Account) => Faults;

/** What a normalisation may need in addition to the document. */
export interface Context {
  readonly id: string;
  /** The body of the request. */
  readonly body: JsonObject;
  /** The stored document, when it is replaced. */
  readonly stored: JsonObject | undefined;
  readonly account: Account;
}
