import { execFileSync } from 'node:child_process';

/** Rebuilds dist before any test, so that threads and processes under test never run stale code. */
export function setup(): void {
  execFileSync('npx', ['tsc', '-p', 'tsconfig.json'], { stdio: 'inherit' });
}
