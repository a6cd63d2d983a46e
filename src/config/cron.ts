import { CronExpressionParser } from 'cron-parser';
import { validateDetailed } from 'node-cron';
import { messageOf } from '../core/errors.ts';

/** What is wrong with a schedule, in words; `undefined` for a valid one. */
export function scheduleFault(text: string): string | undefined {
  const { valid, errors } = validateDetailed(text);
  if (!valid) {
    const [first] = errors;
    const reason = first ? `: ${first.message}` : '';
    return `expected a schedule such as "*/15 * * * *" (minute hour day month weekday)${reason}`;
  }
  try {
    CronExpressionParser.parse(text).next();
    return undefined;
  } catch (error) {
    return `expected a schedule with a next time: ${messageOf(error)}`;
  }
}

/**
 * The first scheduled time after `after`. Over daylight-saving changes a schedule of all hours keeps its pace, a time
 * that the clock skips comes an hour later, and one that it shows twice comes once. (node-cron omits the skipped time
 * and, for a schedule of all hours, the repeated hour: docs/adr/0007-daemon.md.)
 */
export function nextAfter(schedule: string, timezone: string, after: Date): Date {
  return CronExpressionParser.parse(schedule, { tz: timezone, currentDate: after }).next().toDate();
}
