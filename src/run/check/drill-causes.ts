import { type Key, keyOf } from '../../core/keys.ts';
import { readPath } from '../../core/layout.ts';

/** One thing that a rehearsal did not restore as it was, or that a real restore may not. */
export interface DrillFinding {
  /** `<type>/<id>`, or a path. */
  readonly what: string;
  readonly title: string;
  readonly why: string;
  /** What did not come back for want of it, `<type>/<id>`. */
  readonly stops?: readonly string[];
}

/** A resource that did not come back as it was. */
export interface Lost {
  readonly key: Key;
  readonly finding: DrillFinding;
  /** What it refers to and is not there. */
  readonly needs: readonly Key[];
  /** It has a fault of its own, whatever it refers to. */
  readonly isOwn: boolean;
}

/** The resource that a file of the mirror belongs to, or the path. */
function keyOfFile(path: string): Key {
  const parts = readPath(path);
  return parts ? keyOf(parts.type, parts.id) : path;
}

/**
 * Keeps causes and consequences apart: what did not come back only because of another one is named with that one.
 * @param faults files that cannot be read: path inside the account's folder → the finding
 */
export function causesOf(faults: ReadonlyMap<string, DrillFinding>, lost: readonly Lost[]): DrillFinding[] {
  const byFile = new Map([...faults].map(([path, finding]) => [keyOfFile(path), finding]));
  const users = new Map<Key, Lost[]>();
  for (const one of lost)
    if (!one.isOwn) for (const need of one.needs) users.set(need, [...(users.get(need) ?? []), one]);
  const explained = new Set<Lost>();
  /** What follows from one of them, directly or through others. */
  const following = (start: Key): string[] => {
    const found = new Set([start]);
    for (const key of found)
      for (const user of users.get(key) ?? []) {
        found.add(user.key);
        if (user.key !== start) explained.add(user);
      }
    found.delete(start);
    return [...found].sort();
  };
  const withFollowing = (key: Key, finding: DrillFinding): DrillFinding => {
    const stops = following(key);
    return stops.length > 0 ? { ...finding, stops } : finding;
  };
  const roots = [...byFile].map(([key, finding]) => withFollowing(key, finding));
  // Another fault of the same file is one line of its own.
  const others = [...faults].filter(([path, finding]) => byFile.get(keyOfFile(path)) !== finding);
  const own = lost.filter(({ isOwn }) => isOwn).map(({ key, finding }) => withFollowing(key, finding));
  // Those that need each other, and nothing else that is lost.
  const left = lost.filter((one) => !one.isOwn && !explained.has(one)).map(({ finding }) => finding);
  return [...roots, ...others.map(([, finding]) => finding), ...own, ...left];
}
