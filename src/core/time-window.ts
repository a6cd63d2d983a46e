import { calendarAt, isTimezone } from './zones.ts';

/** Hours of every day on the clock of a time zone, such as `08:00-18:00 Europe/Oslo`. */
export interface TimeWindow {
  /** Minutes after midnight, the first inside. */
  readonly from: number;
  /** The first no longer inside; one before `from` is that of the next day. */
  readonly to: number;
  readonly zone: string;
}

const WINDOW = /^(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)(?:\s+(\S+))?$/;
const DAY = 24 * 60;

function minutesOf(hour = '', minute = ''): number {
  return Number(minute) < 60 ? Number(hour) * 60 + Number(minute) : Number.NaN;
}

/**
 * Reads `HH:MM-HH:MM ZONE`.
 * @returns in a text, what is wrong with it
 */
export function parseWindow(text: string): TimeWindow | string {
  const [, fromHour, fromMinute, toHour, toMinute, zone] = WINDOW.exec(text.trim()) ?? [];
  const [from, to] = [minutesOf(fromHour, fromMinute), minutesOf(toHour, toMinute)];
  if (fromHour === undefined || !(from < DAY) || !(to <= DAY)) {
    return 'expected hours of the day and a time zone, such as "08:00-18:00 Europe/Oslo"';
  }
  if (zone === undefined) return 'a time zone is missing; write it after the hours, such as "08:00-18:00 Europe/Oslo"';
  if (!isTimezone(zone)) return `unknown time zone ${zone}; use one such as UTC or Europe/Oslo`;
  if (from === to % DAY) return 'it begins when it ends, so it is the whole day or nothing of it';
  return { from, to, zone };
}

/** Whether the clock of the zone is inside the window at a moment; of an hour that it shows twice, both. */
export function isWithin({ from, to, zone }: TimeWindow, at: Date): boolean {
  const { hour, minute } = calendarAt(at, zone);
  const now = hour * 60 + minute;
  return from < to ? from <= now && now < to : from <= now || now < to;
}
