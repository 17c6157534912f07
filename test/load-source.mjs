/** Loads TypeScript of the tests the way the tests are loaded, for scripts that run by themselves. */
import { createViteServer } from 'vitest/node';

/** `path` from the project's folder on, with a slash before it. `use` gets the module; returns what that returns. */
export async function withSource(path, use) {
  const server = await createViteServer({
    configFile: false,
    root: new URL('..', import.meta.url).pathname,
    server: { middlewareMode: true, hmr: false, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true },
    appType: 'custom',
    logLevel: 'error',
  });
  try {
    return await use(await server.ssrLoadModule(path));
  } finally {
    await server.close();
  }
}
