import { unwatchFile, watchFile } from 'node:fs';

/** Between two looks at a file, in milliseconds. */
const LOOK_MS = 2_000;

/** Files whose change is told. */
export interface Watch {
  /** Watches these files from now on, and no others. */
  set(files: readonly string[]): void;
  close(): void;
}

/**
 * Tells when one of the files changes, appears or goes. By looking at them now and then: secrets and ConfigMaps of
 * Kubernetes are exchanged by links, which notifications of the file system do not follow.
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
        watchFile(file, { interval: LOOK_MS }, listener);
      }
    },
    close() {
      for (const file of [...listeners.keys()]) forget(file);
    },
  };
}
