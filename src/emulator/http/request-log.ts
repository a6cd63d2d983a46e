/** One request as it was answered. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  /** With its question mark; empty without one. */
  readonly query: string;
  /** 0 when no answer was sent. */
  readonly status: number;
  /** Name of the person or token behind it; absent when no one was recognised. */
  readonly by?: string;
  /** Kind of the fault that met it. */
  readonly fault?: string;
}

/** The latest requests, oldest first. */
export interface RequestLog {
  readonly add: (record: RequestRecord) => void;
  readonly list: () => readonly RequestRecord[];
  readonly clear: () => void;
}

/** How many requests the log keeps. */
const MOST = 10_000;

export function createRequestLog(): RequestLog {
  let records: RequestRecord[] = [];
  return {
    add(record) {
      records.push(record);
      // Cut in batches, so that a full log costs nothing per request.
      if (records.length >= MOST * 2) records = records.slice(-MOST);
    },
    list: () => records.slice(-MOST),
    clear() {
      records = [];
    },
  };
}
