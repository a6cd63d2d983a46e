/** A metric in the text format of Prometheus: its head and its series. */
interface Family {
  /** The lines `# HELP` and `# TYPE`. */
  readonly head: string[];
  /** By the series as it is written, labels included. */
  readonly values: Map<string, number>;
}

/** Metrics by name, from the text format of Prometheus. */
export type Exposition = ReadonlyMap<string, Family>;

/** Values that add up: parts of a histogram, and counters. */
const ADDS_UP = / (?:counter|histogram)$/;

/** Reads the text format of Prometheus. Lines that are none of it are left out. */
export function parseExposition(text: string): Exposition {
  const families = new Map<string, Family>();
  let current: Family | undefined;
  for (const line of text.split('\n')) {
    const [, name] = /^# (?:HELP|TYPE) (\w+) /.exec(line) ?? [];
    if (name !== undefined) {
      current = families.get(name) ?? { head: [], values: new Map() };
      families.set(name, current);
      current.head.push(line);
      continue;
    }
    const end = line.lastIndexOf(' ');
    const value = Number(line.slice(end + 1));
    if (end > 0 && !line.startsWith('#') && !Number.isNaN(value)) current?.values.set(line.slice(0, end), value);
  }
  return families;
}

/** The account of a series; `''` where it has none. A quote in another label is escaped, so it cannot pose as one. */
export function accountIn(series: string): string {
  const [, quoted] = /[{,]account="((?:[^"\\]|\\.)*)"/.exec(series) ?? [];
  return quoted === undefined ? '' : quoted.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
}

/** The value of each account of a gauge. */
export function valuesOf(exposition: Exposition, name: string): Map<string, number> {
  const { values = new Map<string, number>() } = exposition.get(name) ?? {};
  return new Map([...values].map(([series, value]) => [accountIn(series), value]));
}

/** Every series without an account gets this label, so that files side by side contain no series twice. */
function labelled(series: string, file: string): string {
  if (accountIn(series) !== '') return series;
  const label = `file=${JSON.stringify(file)}`;
  return series.endsWith('}') ? `${series.slice(0, -1)},${label}}` : `${series}{${label}}`;
}

interface Merge {
  /** The label `file` of what belongs to no account. */
  readonly file: string;
  /** Whether a series of a metric that there was before is still of use, where there is no new one of its account. */
  readonly keeps: (name: string, account: string) => boolean;
}

/** The metrics of several processes, one after the other, as if they were one. What adds up continues. */
export function mergeExpositions(before: Exposition, now: Exposition, { file, keeps }: Merge): string {
  const lines: string[] = [];
  for (const name of new Set([...now.keys(), ...before.keys()])) {
    const [old, fresh] = [before.get(name), now.get(name)];
    const head = fresh?.head ?? old?.head ?? [];
    const adds = head.some((line) => ADDS_UP.test(line));
    const values = new Map([...(fresh?.values ?? [])].map(([series, value]) => [labelled(series, file), value]));
    const renewed = new Set([...values.keys()].map(accountIn));
    for (const [series, value] of old?.values ?? []) {
      const account = accountIn(series);
      if (adds && renewed.has(account)) values.set(series, (values.get(series) ?? 0) + value);
      else if (!renewed.has(account) && keeps(name, account)) values.set(series, value);
    }
    if (values.size > 0) lines.push(...head, ...[...values].map(([series, value]) => `${series} ${value}`));
  }
  return `${lines.join('\n')}\n`;
}
