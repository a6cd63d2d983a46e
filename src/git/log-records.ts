/** What no author, message or path can hold: whatever a commit says, it cannot pose as the next one. */
const END = '\0';
const ID = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** One commit of `git log`. */
export interface LogRecord {
  /** Values of the placeholders, in their order. */
  readonly values: readonly string[];
  /** What git printed after them, where it names files: with `-z`, each part is a text of its own. */
  readonly files: readonly string[];
}

/** The option that has `git log` print placeholders so that {@link logRecords} reads them; the first must be `%H`. */
export function logFormat(placeholders: readonly ['%H', ...string[]]): string {
  return `--format=${placeholders.map((one) => `${one}%x00`).join('')}`;
}

/**
 * Reads what `git log` printed for {@link logFormat}. Paths differ from ids by their slash: the log is of a folder.
 * @param count number of placeholders
 */
export function logRecords(out: string, count: number): LogRecord[] {
  const words = out.split(END);
  const isStart = (at: number): boolean => ID.test((words[at] ?? '').replace(/^\n+/, ''));
  const records: LogRecord[] = [];
  for (let at = 0; at + count < words.length; ) {
    const [id = '', ...values] = words.slice(at, at + count);
    const from = at + count;
    for (at = from; at < words.length && !isStart(at); ) at += 1;
    records.push({ values: [id.replace(/^\n+/, ''), ...values], files: words.slice(from, at) });
  }
  return records;
}
