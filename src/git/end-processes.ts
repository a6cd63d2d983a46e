import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The parent of a process; `undefined` where the system does not tell. */
function parentOf(pid: string): number | undefined {
  try {
    // The name of the program, in parentheses, may hold anything.
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) \S /s, '')
        .split(' ', 1)[0],
    );
  } catch {
    return undefined;
  }
}

/** Processes and those below them, where the system shows them. */
function withDescendants(pids: ReadonlySet<number>): ReadonlySet<number> {
  const found = new Set(pids);
  if (found.size === 0 || !existsSync('/proc')) return found;
  const parents = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [[Number(name), parentOf(name)]] : []));
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const [pid, parent] of parents) if (pid && parent && found.has(parent)) found.add(pid);
  }
  return found;
}

/** Ends processes and those below them: git leaves what talks to a remote behind when it ends. */
export function endProcesses(pids: ReadonlySet<number>): void {
  for (const pid of withDescendants(pids)) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
  }
}
