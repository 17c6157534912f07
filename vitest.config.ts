import { defineConfig } from 'vitest/config';

// Forks, not threads: tests open ports, kill processes, start workers and load the addon.
// The global set-up rebuilds dist, because worker threads and child processes run from there.
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
