import { describe, expect, it } from 'vitest';
import { nextAfter, scheduleFault } from '../../src/config/cron.ts';
import { createSchedule } from '../../src/daemon/schedule.ts';

const NO_JITTER = { jitterMs: 0, random: () => 0 };

/** Every time that a schedule comes up between two instants. */
function timesOf(schedule: string, timezone: string, from: string, until: string): string[] {
  const times: string[] = [];
  for (let time = new Date(from); ; ) {
    time = nextAfter(schedule, timezone, time);
    if (time >= new Date(until)) return times;
    times.push(time.toISOString().slice(0, 16));
  }
}

describe('schedules over daylight-saving changes', () => {
  // Every transition of a year in zones north and south, with whole and with half hours.
  const transitions = [
    { zone: 'Europe/Berlin', at: '2026-03-29T01:00Z' },
    { zone: 'Europe/Berlin', at: '2026-10-25T01:00Z' },
    { zone: 'America/New_York', at: '2026-03-08T07:00Z' },
    { zone: 'America/New_York', at: '2026-11-01T06:00Z' },
    { zone: 'Australia/Sydney', at: '2026-04-04T16:00Z' },
    { zone: 'Australia/Sydney', at: '2026-10-03T16:00Z' },
    { zone: 'America/Santiago', at: '2026-09-06T04:00Z' },
    { zone: 'Europe/London', at: '2026-10-25T01:00Z' },
  ];

  it.each(transitions)('keeps the pace of */15 in $zone at $at', ({ zone, at }) => {
    const middle = Date.parse(at);
    const [from, until] = [middle - 4 * 3_600_000, middle + 4 * 3_600_000].map((ms) => new Date(ms).toISOString()) as [
      string,
      string,
    ];

    const times = timesOf('*/15 * * * *', zone, from, until).map((time) => Date.parse(`${time}Z`));

    const gaps = times.slice(1).map((time, i) => (time - (times[i] ?? 0)) / 60_000);
    expect(new Set(gaps)).toEqual(new Set([15]));
  });

  it('runs a time that the clock skips an hour later', () => {
    expect(timesOf('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', '2026-03-31T00:00Z')).toEqual([
      '2026-03-29T01:30', // 03:30 in summer time: 02:30 does not exist
      '2026-03-30T00:30',
    ]);
  });

  it('runs a time that the clock shows twice once', () => {
    expect(timesOf('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', '2026-10-27T00:00Z')).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
  });

  it('runs a daily time once on every day of the year', { tags: 'slow' }, () => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'America/Santiago', 'Asia/Kolkata']) {
      for (const schedule of ['0 0 * * *', '30 1 * * *', '30 2 * * *', '0 3 * * *']) {
        const times = timesOf(schedule, zone, '2026-01-01T12:00Z', '2027-01-01T12:00Z');
        expect(times.length, `${schedule} in ${zone}`).toBe(365);
      }
    }
  });
});

describe('a schedule', () => {
  it.each(['*/15 * * * *', '0 9 * * Mon-Fri', '*/5 * * * * *', '0 0 1 Jan *'])('%s is one', (text) => {
    expect(scheduleFault(text)).toBeUndefined();
  });

  it.each(['61 * * * *', 'hourly', '* * *', '0 0 31 2 *', ''])('"%s" is none', (text) => {
    expect(scheduleFault(text)).toMatch(/expected a schedule/);
  });
});

describe('the schedule of several accounts', () => {
  const every15 = { name: 'prod', schedule: '*/15 * * * *', timezone: 'UTC' };
  const hourly = { name: 'test', schedule: '0 * * * *', timezone: 'UTC' };

  it('gives each account its own times', () => {
    const schedule = createSchedule([every15, hourly], new Date('2026-11-24T10:01Z'), NO_JITTER);

    expect(schedule.take(new Date('2026-11-24T10:14:59Z'))).toEqual([]);
    expect(schedule.take(new Date('2026-11-24T10:15:00Z'))).toEqual(['prod']);
    expect(schedule.take(new Date('2026-11-24T10:15:01Z'))).toEqual([]);
    expect(schedule.take(new Date('2026-11-24T11:00:00Z'))).toEqual(['prod', 'test']);
    expect(schedule.next('test')).toEqual(new Date('2026-11-24T12:00Z'));
  });

  it('makes up for any number of missed times by one run', () => {
    const schedule = createSchedule([every15], new Date('2026-11-24T10:01Z'), NO_JITTER);

    expect(schedule.take(new Date('2026-11-25T08:07Z'))).toEqual(['prod']);
    expect(schedule.take(new Date('2026-11-25T08:07:01Z'))).toEqual([]);
    expect(schedule.next('prod')).toEqual(new Date('2026-11-25T08:15Z'));
  });

  it('does not wait for a time far ahead after the clock was set back', () => {
    const schedule = createSchedule([every15], new Date('2026-11-24T10:01Z'), NO_JITTER);

    expect(schedule.take(new Date('2026-11-20T09:00Z'))).toEqual([]);
    expect(schedule.take(new Date('2026-11-20T09:15Z'))).toEqual(['prod']);
  });

  it('delays a run by chance, at most by the jitter and a tenth of the interval', () => {
    const late = { jitterMs: 30_000, random: () => 0.999 };
    const minutely = { name: 'a', schedule: '* * * * *', timezone: 'UTC' };
    const schedule = createSchedule([every15, minutely], new Date('2026-11-24T10:01Z'), late);

    expect(schedule.next('prod')).toEqual(new Date('2026-11-24T10:15:29.970Z'));
    expect(schedule.next('a')).toEqual(new Date('2026-11-24T10:02:05.994Z'));
  });
});
