import { scaleLinear, scaleUtc } from 'd3-scale';
import { type CountableTimeInterval, utcDay, utcHour, utcMonday, utcMonth } from 'd3-time';
import type { Report } from './model.ts';

/** What a bar is made of, from the bottom up. */
export const LAYERS = ['changed', 'added', 'deleted'] as const;
type Layer = (typeof LAYERS)[number];

/** One bar: the changes of an hour, a day, a week or a month. */
interface Bin {
  readonly from: Date;
  readonly counts: Readonly<Record<Layer, number>>;
  readonly total: number;
}

export interface Timeline {
  readonly unit: 'hour' | 'day' | 'week' | 'month';
  /** Without gaps, oldest first. */
  readonly bins: readonly Bin[];
}

const DAY = 86_400_000;

/** The widest span for each kind of bar, so that bars are distinguishable on a sheet of paper. */
const UNITS: readonly { unit: Timeline['unit']; upTo: number; interval: CountableTimeInterval }[] = [
  { unit: 'hour', upTo: 2 * DAY, interval: utcHour },
  { unit: 'day', upTo: 100 * DAY, interval: utcDay },
  { unit: 'week', upTo: 700 * DAY, interval: utcMonday },
  { unit: 'month', upTo: Number.POSITIVE_INFINITY, interval: utcMonth },
];

/** How the axis names a time, by what a bar is. */
const LABELS = { hour: '%-d %b %H:%M', day: '%-d %b', week: '%-d %b', month: '%b %Y' } as const;

const LAYER_OF = {
  added: 'added',
  restored: 'added',
  changed: 'changed',
  renamed: 'changed',
  deleted: 'deleted',
} as const;

/** The changes of a report by time; no bins where there is no change. */
export function timelineOf({ changes, from, to }: Report): Timeline {
  const times = changes.map(({ entry }) => entry.time.getTime());
  const first = times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const last = times.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (changes.length === 0) return { unit: 'day', bins: [] };
  const start = Math.min(first, from?.getTime() ?? first);
  const end = Math.max(last, from === undefined ? last : to.getTime());
  const { unit, interval } = UNITS.find(({ upTo }) => end - start <= upTo) ?? {
    unit: 'month' as const,
    interval: utcMonth,
  };
  const bins = new Map<number, Record<Layer, number>>();
  // Hours are shown for full days: a single bar says nothing.
  const [begin, stop] =
    unit === 'hour'
      ? [utcDay.floor(new Date(start)), utcDay.ceil(new Date(end + 1))]
      : [interval.floor(new Date(start)), new Date(interval.floor(new Date(end)).getTime() + 1)];
  for (const time of interval.range(begin, stop)) {
    bins.set(time.getTime(), { changed: 0, added: 0, deleted: 0 });
  }
  for (const { entry } of changes) {
    const bin = bins.get(interval.floor(entry.time).getTime());
    if (bin) bin[LAYER_OF[entry.what]] += 1;
  }
  return {
    unit,
    bins: [...bins].map(([time, counts]) => ({
      from: new Date(time),
      counts,
      total: counts.added + counts.changed + counts.deleted,
    })),
  };
}

/** A rectangle of the plot, in its own units. */
interface Bar {
  readonly layer: Layer;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A plot, ready to be drawn. */
export interface Plot {
  readonly width: number;
  readonly height: number;
  /** Where the axes cross. */
  readonly left: number;
  readonly bottom: number;
  readonly bars: readonly Bar[];
  readonly xTicks: readonly { readonly at: number; readonly label: string }[];
  readonly yTicks: readonly { readonly at: number; readonly label: string }[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [900, 180, 44, 152, 8, 892];

/** Places of bars and ticks. The axis of counts begins at 0 and ends at a round number. */
export function plotOf({ unit, bins }: Timeline): Plot {
  const [first, second] = bins;
  const last = bins.at(-1);
  const step = first && second ? second.from.getTime() - first.from.getTime() : DAY;
  const x = scaleUtc()
    .domain([first?.from ?? new Date(0), new Date((last?.from ?? new Date(0)).getTime() + step)])
    .range([LEFT, RIGHT]);
  const most = bins.reduce((max, { total }) => Math.max(max, total), 1);
  const y = scaleLinear().domain([0, most]).nice(4).range([BOTTOM, TOP]);
  const slot = (RIGHT - LEFT) / Math.max(bins.length, 1);
  const width = Math.max(slot * 0.8, 1);
  const round = (value: number): number => Math.round(value * 10) / 10;
  const bars = bins.flatMap(({ from, counts }) => {
    let base = 0;
    return LAYERS.flatMap((layer): Bar[] => {
      const count = counts[layer];
      if (count === 0) return [];
      const [low, high] = [y(base), y(base + count)];
      base += count;
      return [
        {
          layer,
          x: round(x(from) + (slot - width) / 2),
          y: round(high),
          width: round(width),
          height: round(low - high),
        },
      ];
    });
  });
  const format = x.tickFormat(8, LABELS[unit]);
  return {
    width: WIDTH,
    height: HEIGHT,
    left: LEFT,
    bottom: BOTTOM,
    bars,
    // A label in the very corner would be cut off.
    xTicks: x
      .ticks(8)
      .map((tick) => ({ at: round(x(tick)), label: format(tick) }))
      .filter(({ at }) => at <= RIGHT - 24),
    yTicks: y
      .ticks(4)
      .filter(Number.isInteger)
      .map((tick) => ({ at: round(y(tick)), label: String(tick) })),
  };
}
