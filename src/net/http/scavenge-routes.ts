/**
 * What an operator asks of scavenging over HTTP: begin, stop, and how far this node is. Any node takes it; the others follow by the log. Until there is
 * authentication whoever can reach the node can do this, as with all else.
 */
import type { AdminPort, ScavengeStatus } from '../node-port.js';
import { invalid, ok, type Route, type RouteRequest } from './route.js';

export interface ScavengeParts {
  readonly admin: Pick<AdminPort, 'startScavenge' | 'stopScavenge'>;
  readonly status: () => { readonly name: string; readonly scavenge: ScavengeStatus };
}

const THROTTLE = 'throttlePercent';
const THROTTLE_DEFAULT = 50;

export function scavengeRoutes({ admin, status }: ScavengeParts): readonly Route[] {
  return [
    {
      ...{ method: 'POST', path: '/admin/scavenge/start', bodyBytesMax: 0 },
      handle: async ({ query }) => {
        const throttlePercent = throttleIn(query);
        return ok({ ...(await admin.startScavenge(throttlePercent)), throttlePercent });
      },
    },
    {
      ...{ method: 'POST', path: '/admin/scavenge/stop', bodyBytesMax: 0 },
      handle: async () => ok(await admin.stopScavenge()),
    },
    {
      ...{ method: 'GET', path: '/admin/scavenge', bodyBytesMax: 0 },
      handle: () => {
        const { name, scavenge } = status();
        return ok({ name, ...scavenge });
      },
    },
  ];
}

function throttleIn(query: RouteRequest['query']): number {
  const text = query.get(THROTTLE) ?? String(THROTTLE_DEFAULT);
  const value = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= 100) return value;
  throw invalid(`${THROTTLE} is a whole number from 1 to 100, not ${JSON.stringify(text)}`);
}
