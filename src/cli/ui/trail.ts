import type { Entry } from '../../audit/trail.ts';
import type { Key } from '../../core/keys.ts';
import type { HistoryCut } from '../../mirror/history.ts';
import type { GlobalOptions, Io } from './io.ts';
import type { ReadOnlyMirror } from './states.ts';

/** The whole history of one account, and the resources of it that somebody asked for. */
export interface OpenTrail extends ReadOnlyMirror {
  /** Oldest first. */
  readonly trail: readonly Entry[];
  /** `undefined`: all. */
  readonly keys: ReadonlySet<Key> | undefined;
  /** Where the history of a shallow clone begins. */
  readonly cut: CutJson | null;
}

/** The cut as JSON tells it. */
export interface CutJson {
  readonly commit: string;
  /** ISO 8601. */
  readonly time: string;
}

/** Opens the mirror and reads its history; says so where it is not the whole. @throws AppError `USAGE` when there never was what was asked for */
export async function openTrail(
  io: Io,
  globals: GlobalOptions,
  what: string | undefined,
  options: { readonly mirror?: string; readonly account?: string },
): Promise<OpenTrail> {
  const [{ openMirror }, { readCut, readHistory }, { readTrail }, { selectKeys }, { anyAscii }] = await Promise.all([
    import('./states.ts'),
    import('../../mirror/history.ts'),
    import('../../audit/trail.ts'),
    import('../../audit/query.ts'),
    import('./transliterate.ts'),
  ]);
  const mirror = await openMirror(io, globals, what === undefined ? [] : [what], options);
  const commits = await readHistory(mirror.git, mirror.account);
  const cut = await readCut(mirror.git);
  const trail = readTrail(commits, mirror.account, cut?.commit);
  if (cut) {
    io.err(
      `The history begins at a cut: this clone is shallow and holds nothing from before ${minute(cut.committed)}, commit ${cut.commit.slice(0, 10)}.\n→ For all of it: ${cut.remedy}\n`,
    );
  }
  return {
    ...mirror,
    trail,
    keys: selectKeys(trail, what, mirror.account, anyAscii),
    cut: cutJson(cut),
  };
}

export function cutJson(cut: HistoryCut | undefined | null): CutJson | null {
  return cut ? { commit: cut.commit, time: cut.committed.toISOString() } : null;
}

function minute(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
