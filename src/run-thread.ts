import { setMaxListeners } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { createSyncOne } from './cli/actions/daemon-run.ts';
import { serveRuns } from './cli/actions/run-thread.ts';

// The thread of a daemon in which its runs are made: an entry of its own beside main.ts.
if (parentPort) {
  serveRuns(parentPort, (signal) => {
    setMaxListeners(0, signal);
    return createSyncOne({ env: process.env, now: () => new Date(), signal });
  });
}
