import { type Git, GitFailure, type GitProcess } from '../../../mirror/git.ts';

interface Waiting {
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (cause: unknown) => void;
}

/**
 * Reads objects one by one from one git process, which begins with the first and ends with the signal. A reader of many
 * objects at once is `git.objects`.
 * @returns gives the bytes of an object @throws GitFailure
 */
export function objectReader({ start }: Pick<Git, 'start'>, signal: AbortSignal): (oid: string) => Promise<Buffer> {
  let running: Promise<GitProcess> | undefined;
  let waiting: Waiting[] = [];
  let held = Buffer.alloc(0);

  /** Takes the next answer (`<id> <type> <size>`, the bytes, a line end). `false`: it is not complete yet. */
  function take(): boolean {
    const end = held.indexOf('\n');
    if (end < 0) return false;
    const head = held.toString('latin1', 0, end);
    const size = / (\d+)$/.exec(head)?.[1];
    const last = size === undefined ? end : end + 1 + Number(size);
    if (held.length <= last) return false;
    const bytes = held.subarray(end + 1, last);
    held = held.subarray(last + 1);
    const next = waiting.shift();
    if (size === undefined) next?.reject(new GitFailure('cat-file', `cannot be read: ${head}`, undefined));
    else next?.resolve(bytes);
    return true;
  }

  function ended(cause: unknown): void {
    const left = waiting;
    waiting = [];
    held = Buffer.alloc(0);
    running = undefined;
    for (const { reject } of left) reject(cause);
  }

  async function begin(): Promise<GitProcess> {
    const child = await start(['cat-file', '--batch']);
    child.stdout.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (take());
    });
    child.done.then(() => ended(new GitFailure('cat-file', 'ended early', undefined)), ended);
    if (signal.aborted) child.kill();
    signal.addEventListener('abort', child.kill, { once: true });
    return child;
  }

  return (oid) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      running ??= begin();
      running.then(({ stdin }) => void stdin.write(`${oid}\n`), ended);
    });
}
