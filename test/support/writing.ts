import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Waits for a run to write objects. */
interface Watch {
  /** Ends the watch. Tells whether it came to what was waited for. */
  readonly stop: () => boolean;
}

/** Does something once, some milliseconds after a run begins to write objects into a clone. */
export function onceWriting(mirror: string, ms: number, strike: () => boolean): Watch {
  const waiting = join(mirror, '.git', 'objects', 'tmp_objdir-celigo-mirror');
  let began: number | undefined;
  let struck = false;
  const timer = setInterval(() => {
    began ??= existsSync(waiting) ? Date.now() : undefined;
    if (began === undefined || Date.now() - began < ms) return;
    clearInterval(timer);
    struck = strike();
  }, 1);
  return {
    stop: () => {
      clearInterval(timer);
      return struck;
    },
  };
}

/** The `git fast-import` that works in a clone, if one does. */
function writerIn(mirror: string): number | undefined {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (words.includes('fast-import') && readlinkSync(`/proc/${name}/cwd`) === mirror) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

/** Kills the git that takes a run's objects, as a machine that is out of memory does. Only on Linux. */
export function killWriter(mirror: string, ms: number): Watch {
  return onceWriting(mirror, ms, () => {
    const pid = process.platform === 'linux' ? writerIn(mirror) : undefined;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    return pid !== undefined;
  });
}
