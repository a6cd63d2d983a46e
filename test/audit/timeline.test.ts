import { describe, expect, it } from 'vitest';
import type { Report } from '../../src/audit/report/model.ts';
import { plotOf, timelineOf } from '../../src/audit/report/timeline.ts';

function report(times: readonly string[], span: { from?: string; to: string }): Report {
  return {
    account: 'prod',
    from: span.from === undefined ? undefined : new Date(span.from),
    to: new Date(span.to),
    madeAt: new Date(span.to),
    found: 0,
    cut: null,
    byType: [],
    byPerson: [],
    changes: times.map((time, i) => ({
      entry: { time: new Date(time), what: (['changed', 'added', 'deleted'] as const)[i % 3] ?? 'changed' },
      fields: [],
    })) as unknown as Report['changes'],
  };
}

describe('timeline', () => {
  it.each([
    ['2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z', 'hour', 24],
    ['2026-03-01T00:00:00Z', '2026-03-31T23:59:59Z', 'day', 31],
    ['2026-01-01T00:00:00Z', '2026-12-31T23:59:59Z', 'week', 53],
    ['2024-01-01T00:00:00Z', '2026-12-31T23:59:59Z', 'month', 36],
  ])('has a bar for each step of the span, empty ones too: %s to %s', (from, to, unit, count) => {
    const first = new Date(Date.parse(from) + 1000).toISOString();
    const last = new Date(Date.parse(to) - 3_600_000).toISOString();
    const timeline = timelineOf(report([first, first, last], { from, to: last }));

    expect(timeline.unit).toBe(unit);
    expect(timeline.bins).toHaveLength(count);
    expect(timeline.bins.reduce((sum, { total }) => sum + total, 0)).toBe(3);
    expect(timeline.bins[0]?.counts).toEqual({ changed: 1, added: 1, deleted: 0 });
  });

  it('draws bars that stand on each other and stay inside', () => {
    const days = ['2026-03-01', '2026-03-01', '2026-03-01', '2026-03-15', '2026-03-31'];
    const plot = plotOf(
      timelineOf(
        report(
          days.map((day) => `${day}T12:00:00Z`),
          { from: '2026-03-01', to: '2026-03-31T23:00:00Z' },
        ),
      ),
    );

    expect(plot.bars).toHaveLength(5);
    for (const { x, y, width, height } of plot.bars) {
      expect(x).toBeGreaterThanOrEqual(plot.left);
      expect(x + width).toBeLessThanOrEqual(plot.width);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y + height).toBeLessThanOrEqual(plot.bottom + 0.1);
    }
    const first = plot.bars.slice(0, 3);
    expect(first[1]?.y).toBeCloseTo((first[0]?.y ?? 0) - (first[1]?.height ?? 0), 0);
    expect(plot.xTicks.map(({ label }) => label)).toContain('15 Mar');
  });

  it('has nothing to draw without changes', () => {
    expect(timelineOf(report([], { to: '2026-03-31T23:00:00Z' })).bins).toEqual([]);
  });
});
