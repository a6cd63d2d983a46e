import type { Git } from '../../../mirror/git.ts';

/**
 * Reads objects that are asked for one by one, those of a moment by one git process: what is asked for while a process
 * runs waits for the next. @throws GitFailure
 */
export function objectReader({ objects }: Pick<Git, 'objects'>): (oid: string) => Promise<Buffer> {
  let last: Promise<unknown> = Promise.resolve();
  let next: { readonly oids: string[]; readonly read: Promise<readonly Buffer[]> } | undefined;

  function open(): NonNullable<typeof next> {
    const oids: string[] = [];
    const read = last.then(() => {
      next = undefined;
      return objects(oids);
    });
    last = read.catch(() => undefined);
    next = { oids, read };
    return next;
  }

  return async (oid) => {
    const { oids, read } = next ?? open();
    const at = oids.push(oid) - 1;
    return (await read)[at] as Buffer;
  };
}
