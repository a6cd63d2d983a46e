import { counted } from '../core/counted.ts';
import { isActing, type Step } from './types.ts';

/** How fast an account may be asked (api-notes#rate-limit). */
interface Pace {
  /** Requests per second in the long run. */
  readonly perSecond: number;
  /** Requests that may be sent at once before that. */
  readonly burst: number;
}

/** The bucket of an account, if no one else takes anything out of it (api-notes#rate-limit). */
export const API_LIMIT: Pace = { perSecond: 300, burst: 1_000 };

/** How long an answer is assumed to take, in milliseconds (api-notes#response-times). */
const ANSWER_MS = 500;

/** How long a restore takes, by what it asks of the API. No credential that a person enters is part of it. */
export interface RestoreTime {
  readonly requests: number;
  /** At the configured pace, in milliseconds. */
  readonly atRateMs: number;
  /** If the account's whole bucket were free, in milliseconds. */
  readonly atLimitMs: number;
}

/**
 * Estimates the time of a restore: requests wait for the bucket, and for the answers before them.
 * @param account its pace, and how many requests are in progress at once
 */
export function restoreTime(
  requests: number,
  account: { readonly rateLimit: Pace; readonly concurrency: number },
): RestoreTime {
  const answeredMs = (requests * ANSWER_MS) / account.concurrency;
  const at = ({ perSecond, burst }: Pace): number =>
    Math.round(Math.max(answeredMs, (1000 * Math.max(0, requests - burst)) / perSecond));
  return { requests, atRateMs: at(account.rateLimit), atLimitMs: at(API_LIMIT) };
}

/** Requests of a step: the state before a write, and the write; or the write, and what became of it. */
const OF_STEP = 2;

/**
 * Requests that carrying out a plan takes: its steps, switching on, and to mirror the account afterwards.
 * @param reading requests that reading the account for the plan took
 */
export function planRequests(steps: readonly Pick<Step, 'action' | 'enable'>[], reading: number): number {
  const acting = steps.filter(isActing);
  return OF_STEP * (acting.length + acting.filter(({ enable }) => enable).length) + reading;
}

/** `40 seconds`, `11 minutes`, `2 hours and 5 minutes`. */
export function roughly(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return counted(Math.max(1, seconds), 'second');
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return counted(minutes, 'minute');
  const rest = minutes % 60;
  const hours = counted((minutes - rest) / 60, 'hour');
  return rest === 0 ? hours : `${hours} and ${counted(rest, 'minute')}`;
}

/** `about 11 minutes (4,012 requests; 9 minutes at the limit of the API)`. */
export function restoreTimeText({ requests, atRateMs, atLimitMs }: RestoreTime): string {
  const limit = roughly(atLimitMs) === roughly(atRateMs) ? '' : `; ${roughly(atLimitMs)} at the limit of the API`;
  return `about ${roughly(atRateMs)} (${counted(requests, 'request')}${limit})`;
}
