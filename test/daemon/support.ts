import type { Json } from '../../src/core/json.ts';
import type { TestAccount } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';
import { type DaemonProcess, until } from './daemon-process.ts';

export const TRIGGER = 'a-trigger-token-of-the-test';
export const NEVER = '0 0 1 1 *';
export const EVERY_SECOND = '* * * * * *';
export const FLOW = '678df75fc3a91b7e41300001';

/** A folder with a configuration of one account, called prod; `retries: 0` unless `settings` say otherwise. */
export function home(
  account: TestAccount,
  more: Record<string, Json> & { readonly repository?: Record<string, Json> } = {},
  settings: Record<string, Json> = {},
): Workspace {
  return new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token, retries: 0, ...settings } },
    { schedule: EVERY_SECOND, ...more },
  );
}

/** One sample of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

/** Reads the text format of Prometheus, strictly. @throws Error at a line that is none of it */
export function exposition(text: string): Exposition {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const raw of text.split('\n').filter(Boolean)) {
    // The library's own figures spell it so before the first garbage collection or tick.
    const line = raw.startsWith('nodejs_') ? raw.replace(/ Nan$/, ' NaN') : raw;
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (type?.[1] && type[2]) {
      types.set(type[1], type[2]);
      continue;
    }
    if (/^# HELP \S+ ./.test(line)) continue;
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[-+]?Inf|[-+0-9.e]+)(?: \d+)?$/.exec(line);
    if (!found?.[1] || found[3] === undefined) throw new Error(`no line of the format: ${line}`);
    const labels: Record<string, string> = {};
    for (const [, key = '', value = ''] of (found[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[key] = value;
    samples.push({ name: found[1], labels, value: Number(found[3].replace('Inf', 'Infinity')) });
  }
  return { types, samples };
}

/** Lines of a log that say that a run has ended. */
export function ended(daemon: DaemonProcess): Record<string, unknown>[] {
  return daemon.log().filter(({ msg }) => msg === 'sync ended');
}

/** Waits until so many further runs have ended, and the daemon has recorded the last of them. */
export async function runs(daemon: DaemonProcess, count: number, limitMs = 120_000): Promise<void> {
  const before = ended(daemon).length;
  await until(`${count} further runs`, () => ended(daemon).length >= before + count, limitMs);
  // The log says so before the state does.
  await until('their record', async () => {
    const recorded = Object.values((await daemon.status()).accounts).map(({ lastRun }) => lastRun?.runId);
    const later = ended(daemon).slice(before + count - 1);
    return later.some(({ runId }) => recorded.includes(String(runId)));
  });
}

export function isReady(daemon: DaemonProcess): Promise<boolean> {
  return daemon.get('/readyz').then(({ status }) => status === 200);
}

/** When a line of the log was written, in milliseconds. */
export function timeOf(line: Record<string, unknown> | undefined): number {
  const { time } = line ?? {};
  return typeof time === 'number' ? time : Date.parse(String(time));
}

/** Deletes a flow that nothing needs. */
export function removeOne({ emulator, owner }: TestAccount): string {
  for (const { _id } of emulator.state.all('flows')) {
    try {
      emulator.act(owner.token).remove('flows', String(_id));
      return String(_id);
    } catch {
      // Something needs it: the next one.
    }
  }
  throw new Error('every flow is needed');
}
