import { AppError } from '../../core/errors.ts';
import { type Edge, edgeOf, isExactTime, timeOf } from '../../core/times.ts';
import { isTimezone } from '../../core/zones.ts';
import type { MirrorState, StateName } from '../../history/state.ts';
import type { Io } from '../ui/io.ts';
import { minute } from '../ui/style.ts';

/** Options that name a state of the mirror. */
export interface StateFlags {
  readonly at?: string;
  readonly before?: string;
  readonly timezone?: string;
}

/** Options that name a period; each side has two names. */
export interface PeriodFlags {
  readonly since?: string;
  readonly from?: string;
  readonly until?: string;
  readonly to?: string;
  readonly timezone?: string;
}

/** A side of a period as it was given, with the option that it comes from. */
type Side = Pick<StateName, 'text' | 'option'>;

/** @throws AppError `USAGE` for a zone that does not exist */
function zoneOf({ timezone }: { readonly timezone?: string }): string | undefined {
  if (timezone === undefined || isTimezone(timezone)) return timezone;
  throw new AppError('USAGE', `--timezone: unknown time zone ${timezone}`, {
    hint: 'Use a name such as UTC or Europe/Berlin',
  });
}

/** The one option that was given. @throws AppError `USAGE` for two */
function oneOf(texts: { readonly [option in StateName['option']]?: string | undefined }): Side | undefined {
  const given = Object.entries(texts).flatMap(([option, text]): Side[] =>
    text === undefined ? [] : [{ option: option as StateName['option'], text }],
  );
  const [only, other] = given;
  if (only && other) {
    throw new AppError('USAGE', `${only.option} and ${other.option} exclude each other`, { hint: 'Use one of them' });
  }
  return only;
}

/** The state that `--at` or `--before` names. @throws AppError `USAGE` for both, or a zone that does not exist */
export function stateAsked(flags: StateFlags): StateName | undefined {
  const side = oneOf({ '--at': flags.at, '--before': flags.before });
  return side && { ...side, zone: zoneOf(flags) };
}

/** Both sides of a period, as states. @throws AppError `USAGE` */
export function statesAsked(flags: PeriodFlags): { readonly from?: StateName; readonly to?: StateName } {
  const zone = zoneOf(flags);
  const from = oneOf({ '--from': flags.from, '--since': flags.since });
  const to = oneOf({ '--to': flags.to, '--until': flags.until });
  return { ...(from ? { from: { ...from, zone } } : {}), ...(to ? { to: { ...to, zone } } : {}) };
}

/** Reports which moment the words of an option mean; nothing where they are that moment. */
function sayMoment(io: Io, { option, text }: Side, moment: Date): void {
  if (!isExactTime(text)) io.err(`${option} ${text}: ${moment.toISOString().replace(/\.\d+Z$/, 'Z')}\n`);
}

/** Reports which moment a state is of, where words named it. */
export function sayState(io: Io, name: StateName | undefined, { moment }: Pick<MirrorState, 'moment'>): void {
  if (name && moment) sayMoment(io, name, moment);
}

/** Names the last change, where nothing differs: people look for one, and may have named the wrong time. */
export function sayLastChange(
  io: Io,
  account: string,
  change: { readonly commit: string; readonly date: Date } | undefined,
): void {
  if (!change) return;
  io.err(`The last change of ${account}: ${minute(change.date)} UTC, commit ${change.commit.slice(0, 10)}\n`);
}

/**
 * The period that options name, in whole seconds, as commits have them: from the beginning of the days of one to the
 * end of those of the other. Reports which moments these are.
 * @param end when the period ends, unless an option names another time
 * @throws AppError `USAGE` for what is not a time, or a period that ends before it begins
 */
export async function readPeriod(
  io: Io,
  flags: PeriodFlags,
  end?: Date,
): Promise<{ readonly since: Date | undefined; readonly until: Date | undefined }> {
  const { from, to } = statesAsked(flags);
  const [since, until = end] = [await momentAsked(io, from, 'start'), await momentAsked(io, to, 'end')];
  if (from && since && until && since > until) {
    const end = `${to?.option ?? '--to'} (${until.toISOString()})`;
    const message = `${from.option} (${since.toISOString()}) is later than ${end}`;
    throw new AppError('USAGE', message, { hint: 'Swap the two' });
  }
  if (from && since) sayMoment(io, from, since);
  if (to && until) sayMoment(io, to, until);
  return { since, until };
}

async function momentAsked(io: Io, side: StateName | undefined, edge: Edge): Promise<Date | undefined> {
  if (!side) return undefined;
  const when = await timeOf(side.text, io.now(), side.zone);
  if (when) return new Date(Math.floor(edgeOf(when, edge).getTime() / 1000) * 1000);
  throw new AppError('USAGE', `${side.option}: "${side.text}" is not a valid time or date`, {
    hint: 'Use a time such as 2026-11-23, 2026-11-23T18:00Z, yesterday, "3 days ago"',
  });
}
