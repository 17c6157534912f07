/** The routes about this node alone: what it is, whether it lives, whether it can serve, what it measures. */
import type { NodeStatus } from '../node-port.js';
import { unreadinessOf } from './readiness.js';
import { ok, type Route } from './route.js';
import { stateWord } from './state-words.js';

export function infoRoute(info: () => object): Route {
  return { method: 'GET', path: '/info', bodyBytesMax: 0, handle: () => ok(info()) };
}

/** That it answers at all says that the process works. */
export function liveRoute(): Route {
  return { method: 'GET', path: '/health/live', bodyBytesMax: 0, handle: () => ok({ status: 'live' }) };
}

export function readyRoute(status: () => NodeStatus): Route {
  return {
    method: 'GET',
    path: '/health/ready',
    bodyBytesMax: 0,
    handle: () => {
      const now = status();
      const state = stateWord(now.role, now.memberRole, 0);
      const why = unreadinessOf(now);
      // Who is short of space is ready all the same: it serves reads, and says to writers what is the matter.
      const diskSpace = now.diskSpace.level;
      if (why === undefined) return ok({ status: 'ready', state, diskSpace });
      return { status: 503, body: { status: 'not-ready', ...why, details: { state, diskSpace } } };
    },
  };
}

/** `read`: the metrics as Prometheus' text. */
export function metricsRoute(metrics: { readonly contentType: string; read(): Promise<string> }): Route {
  return {
    method: 'GET',
    path: '/metrics',
    bodyBytesMax: 0,
    handle: async () => ({
      status: 200,
      body: await metrics.read(),
      headers: { 'content-type': metrics.contentType },
    }),
  };
}
