import { unwatchFile, watchFile } from 'node:fs';

/** Between two checks of a file, in milliseconds. */
const CHECK_MS = 2_000;

/** Files whose changes are reported. */
interface Watch {
  /** Watches these files from now on, and no others. */
  set(files: readonly string[]): void;
  close(): void;
}

/**
 * Calls `onChange` when one of the files changes, appears or disappears. The files are polled: Kubernetes replaces
 * secrets and ConfigMaps through symbolic links, which notifications of the file system do not follow.
 */
export function watchFiles(onChange: (file: string) => void): Watch {
  const listeners = new Map<string, () => void>();
  function forget(file: string): void {
    const listener = listeners.get(file);
    if (listener) unwatchFile(file, listener);
    listeners.delete(file);
  }
  return {
    set(files) {
      for (const file of listeners.keys()) if (!files.includes(file)) forget(file);
      for (const file of files) {
        if (listeners.has(file)) continue;
        const listener = (): void => onChange(file);
        listeners.set(file, listener);
        watchFile(file, { interval: CHECK_MS }, listener);
      }
    },
    close() {
      for (const file of [...listeners.keys()]) forget(file);
    },
  };
}
