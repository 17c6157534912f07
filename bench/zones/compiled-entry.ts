/** Where the compiled form of a thread of the benchmarks is, also when these sources run as TypeScript under the tests. Pure. */

export function compiledBenchEntry(entry: URL): URL {
  return entry.pathname.includes('/dist/') ? entry : new URL(entry.href.replace('/bench/', '/dist/bench/'));
}
