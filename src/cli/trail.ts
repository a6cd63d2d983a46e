import type { Entry } from '../audit/trail.ts';
import type { Key } from '../plan/types.ts';
import type { GlobalOptions, Io } from './io.ts';
import type { ReadOnlyMirror } from './states.ts';

/** The whole history of one account, and the resources of it that somebody asked for. */
export interface OpenTrail extends ReadOnlyMirror {
  /** Oldest first. */
  readonly trail: readonly Entry[];
  /** `undefined`: all. */
  readonly keys: ReadonlySet<Key> | undefined;
}

/** Opens the mirror and reads its history. @throws AppError `USAGE` when there never was what was asked for */
export async function openTrail(
  io: Io,
  globals: GlobalOptions,
  what: string | undefined,
  options: { readonly mirror?: string; readonly account?: string },
): Promise<OpenTrail> {
  const [{ openMirror }, { readHistory }, { readTrail }, { selectKeys }, { anyAscii }] = await Promise.all([
    import('./states.ts'),
    import('../mirror/history.ts'),
    import('../audit/trail.ts'),
    import('../audit/query.ts'),
    import('./transliterate.ts'),
  ]);
  const mirror = await openMirror(io, globals, what === undefined ? [] : [what], options);
  const trail = readTrail(await readHistory(mirror.git, mirror.account), mirror.account);
  return { ...mirror, trail, keys: selectKeys(trail, what, mirror.account, anyAscii) };
}
