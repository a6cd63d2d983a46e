/** Lets shared work run concurrently, except while other work needs to be alone. */
export interface ReadWriteLock {
  readonly shared: <T>(work: () => Promise<T>) => Promise<T>;
  /** Waits for those inside to leave and keeps others out. Must not be called from inside. */
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

export function createReadWriteLock(): ReadWriteLock {
  let inside = 0;
  let closed: Promise<void> = Promise.resolve();
  let left: (() => void) | undefined;
  return {
    async shared(work) {
      for (let seen: Promise<void> | undefined; seen !== closed; ) {
        seen = closed;
        await seen;
      }
      inside += 1;
      try {
        return await work();
      } finally {
        inside -= 1;
        if (inside === 0) left?.();
      }
    },
    async exclusive(work) {
      const before = closed;
      let open: () => void = () => undefined;
      closed = new Promise((resolve) => {
        open = resolve;
      });
      await before;
      try {
        if (inside > 0)
          await new Promise<void>((resolve) => {
            left = resolve;
          });
        left = undefined;
        return await work();
      } finally {
        open();
      }
    },
  };
}
