import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Only a test that hangs may meet these, however busy the machine is.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // So may a test that races with a process. One that fails twice fails; one that passed the second time is printed.
    retry: process.env.CI ? 1 : 0,
    // Most tests wait for git and for other processes a third of the time.
    maxWorkers: availableParallelism() + 1,
    // A file a process of its own costs half of the time: the modules are read once a worker.
    isolate: false,
    globalSetup: ['test/support/temporary.ts'],
    // `npm test` leaves these out; docs/testing.md says what belongs to them.
    tags: [
      {
        name: 'slow',
        description: 'kills, races, chaos, daemons over many runs, browsers, long histories: only in npm run test:all',
      },
    ],
    // A user's own git settings must not decide whether a test passes.
    env: { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', NO_COLOR: '1' },
  },
});
