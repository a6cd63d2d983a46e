import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { createMetrics } from '../../src/daemon/metrics.ts';
import { startDaemon } from '../daemon/daemon-process.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const path = (name: string): string => fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url));
const text = (name: string): string => readFileSync(path(name), 'utf8');

const groups = z.array(
  z.strictObject({
    name: z.string(),
    rules: z.array(
      z.strictObject({
        alert: z.string(),
        expr: z.string(),
        for: z.string(),
        labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
        annotations: z.strictObject({ summary: z.string(), description: z.string() }),
      }),
    ),
  }),
);
const rules = z.strictObject({ groups }).parse(parse(text('monitoring/rules.yaml')));
const alerts = rules.groups.flatMap((group) => group.rules);

const dashboard = z
  .looseObject({
    panels: z.array(z.looseObject({ title: z.string(), targets: z.array(z.looseObject({ expr: z.string() })).min(1) })),
  })
  .parse(JSON.parse(text('monitoring/grafana-dashboard.json')));

/** Names of metrics in an expression of PromQL. */
function metricsIn(expression: string): string[] {
  return expression.replace(/"[^"]*"/g, '').match(/\b(?:celigo_mirror|process)_\w+/g) ?? [];
}

/** Every metric that the daemon serves, a histogram by its parts. */
async function served(): Promise<Set<string>> {
  const body = await createMetrics('0.0.0', () => new Date()).render([]);
  const found = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    found.flatMap(([, name = '', kind]) => (kind === 'histogram' ? [`${name}_bucket`, `${name}_count`] : [name])),
  );
}

describe('alerts and dashboard', () => {
  it('are fed by metrics that the daemon serves', async () => {
    const known = await served();
    const expressions = [
      ...alerts.map(({ alert, expr }) => [alert, expr] as const),
      ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
    ];

    for (const [what, expression] of expressions) {
      const names = metricsIn(expression);
      expect(names.length, what).toBeGreaterThan(0);
      expect(
        names.filter((name) => !known.has(name)),
        what,
      ).toEqual([]);
    }
  });

  it('are fed by a running daemon', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ production: { baseUrl: account.url, token: account.owner.token } });
    const daemon = await startDaemon(space.dir);

    const { text: body } = await daemon.get('/metrics');
    const names = [
      ...alerts.map(({ expr }) => expr),
      ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ].flatMap(metricsIn);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names)
      expect(body, name).toMatch(new RegExp(`^# TYPE ${name.replace(/_(?:bucket|count)$/, '')} `, 'm'));
    expect(await daemon.stop()).toBe(0);
  });

  it('leave no metric of the daemon itself unseen', async () => {
    const seen = new Set(
      [...alerts.map(({ expr }) => expr), ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))]
        .flatMap(metricsIn)
        .map((name) => name.replace(/_bucket$/, '_count')),
    );
    // Times of which the dashboard shows ages, and figures for a closer look.
    const others = [
      'last_run_timestamp_seconds',
      'next_run_timestamp_seconds',
      'last_success_age_seconds',
      'run_in_progress',
      'repository_loose_objects',
      'drill_last_timestamp_seconds',
      'drill_duration_seconds',
    ].map((name) => `celigo_mirror_${name}`);
    const own = [...(await served())].filter((name) => name.startsWith('celigo_mirror_') && !name.endsWith('_bucket'));

    expect(own.filter((name) => !seen.has(name) && !others.includes(name))).toEqual([]);
  });

  it('are the same for Prometheus and its operator', () => {
    const { spec } = parse(text('kubernetes/monitoring/prometheus-rule.yaml')) as { spec: unknown };

    expect(spec).toEqual(rules);
  });
});

describe.skipIf(spawnSync('promtool', ['--version']).error !== undefined)('promtool', () => {
  it('finds the rules well-formed', () => {
    const { status, stdout } = spawnSync('promtool', ['check', 'rules', path('monitoring/rules.yaml')], {
      encoding: 'utf8',
    });
    expect(status, stdout).toBe(0);
  });

  it('sees each alert fire for its case, and none where all is well', { tags: 'slow' }, () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', path('monitoring/rules.test.yaml')], {
      encoding: 'utf8',
    });
    expect(status, stdout + stderr).toBe(0);

    const { tests } = parse(text('monitoring/rules.test.yaml')) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
    };
    const cases = tests.flatMap((one) => one.alert_rule_test);
    const fired = cases.filter(({ exp_alerts }) => exp_alerts.length > 0).map(({ alertname }) => alertname);
    const quiet = cases.filter(({ exp_alerts }) => exp_alerts.length === 0).map(({ alertname }) => alertname);
    const names = alerts.map(({ alert }) => alert).sort();
    expect(fired.sort()).toEqual(names);
    expect(quiet.sort()).toEqual(names);
  });
});
