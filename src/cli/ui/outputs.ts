import { fstatSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** Standard output or error. Whatever becomes of it, a command continues its work. */
export interface Output {
  readonly write: (text: string) => void;
  /** Why something could not be written; `undefined` while all is well. */
  readonly failure: () => NodeJS.ErrnoException | undefined;
  /** Ends once everything has arrived, or is lost. */
  readonly arrived: () => Promise<void>;
}

type Stream = Writable & { readonly fd: number; readonly isTTY?: boolean };

/** So much of a log may wait for its reader, in bytes; what comes on top of it is dropped. */
const MOST_WAITING = 4 * 1024 * 1024;

/** Whether a stream leads to a file or device: node drops what did not fit on the disk, and says nothing. */
function isFile({ fd, isTTY }: Stream): boolean {
  try {
    const stat = fstatSync(fd);
    return isTTY !== true && !stat.isFIFO() && !stat.isSocket();
  } catch {
    return false;
  }
}

/** Writes all of a text: a disk that fills up takes a part of it first. */
function writeAll(fd: number, text: string): void {
  for (let left = Buffer.from(text); left.length > 0; ) left = left.subarray(writeSync(fd, left));
}

/**
 * @param log each line is for itself: one that is lost keeps no other back, and a reader that stalls cannot fill the
 * memory. A result, on the other hand, ends where something of it is lost
 */
export function openOutput(stream: Stream, { log }: { readonly log: boolean }): Output {
  const file = isFile(stream);
  let failure: NodeJS.ErrnoException | undefined;
  const note = (error: Error | null | undefined): void => {
    if (error || log) failure = error ?? undefined;
  };
  stream.on('error', note);
  return {
    write(text) {
      if (!log && failure) return;
      if (log && stream.writableLength > MOST_WAITING) return note(new Error('its reader does not read'));
      try {
        if (!file) return void stream.write(text, note);
        writeAll(stream.fd, text);
        note(undefined);
      } catch (error) {
        note(error as Error);
      }
    },
    failure: () => failure,
    async arrived() {
      if (!file && !failure) await new Promise<void>((resolve) => stream.write('', () => resolve()));
    },
  };
}
