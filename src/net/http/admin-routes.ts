/**
 * What an operator asks of a node over HTTP: hand over, change the membership, and, for tests and trials, break links. Until there is
 * authentication whoever can reach the node can do this, as with all else.
 */
import { parseEndpoint } from '../../base/endpoint.js';
import { CairnError } from '../../base/errors.js';
import { type Member, type MembershipChange, VOTERS_MAX } from '../../cluster/configuration.js';
import type { AdminPort, NodeStatus } from '../node-port.js';
import { type Answer, invalid, ok, type Route, type RouteRequest } from './route.js';

export interface AdminParts {
  readonly admin: AdminPort;
  readonly status: () => NodeStatus;
  /** `host:port` for clients of the node of this name, if it is known. */
  readonly clientAddressOf: (name: string) => string | undefined;
  /** Whether there is /admin/faults. */
  readonly allowsFaults: boolean;
}

/** An array of all members' names that there can be. */
const NAMES_BYTES_MAX = 16 * 1024;
const NAMES_MAX = 64;
const PRIORITY_MAX = 2 ** 31 - 1;

export function adminRoutes(parts: AdminParts): readonly Route[] {
  const { admin, status, allowsFaults } = parts;
  const route = (path: string, handle: (request: RouteRequest) => Promise<Answer> | Answer): Route => ({
    method: 'POST',
    path,
    bodyBytesMax: 0,
    handle: (request) => withLeaderUrl(parts, () => handle(request)),
  });
  const change = async (wanted: MembershipChange) => ok(await admin.change(wanted));
  const routes = [
    route('/admin/node/resign', ({ query }) => resign(parts, query.get('target') ?? undefined)),
    route('/admin/node/priority/:n', ({ parameters }) => setPriority(admin, parameters['n']!)),
    route('/admin/cluster/members/:member/promote', ({ parameters, query }) =>
      change(promotion(status(), parameters['member']!, query.get('insteadOf') ?? undefined)),
    ),
    route('/admin/cluster/members/:member/demote', ({ parameters }) =>
      change({ kind: 'demote', id: memberBy(status(), parameters['member']!).id }),
    ),
    route('/admin/cluster/members/:member/remove', ({ parameters }) =>
      change({ kind: 'remove', id: memberBy(status(), parameters['member']!).id }),
    ),
    route('/admin/cluster/size/:n', ({ parameters }) =>
      change({ kind: 'resize', clusterSize: integer(parameters['n']!, 1, VOTERS_MAX) }),
    ),
  ];
  return allowsFaults ? [...routes, blockRoute(admin)] : routes;
}

/** Who asks the wrong node is told where the right one is. */
async function withLeaderUrl(
  { status, clientAddressOf }: AdminParts,
  handle: () => Promise<Answer> | Answer,
) {
  try {
    return await handle();
  } catch (error) {
    if (!(error instanceof CairnError) || error.code !== 'not-leader') throw error;
    const leader = status().leader ?? error.details['leader'];
    const address = leader === undefined ? undefined : clientAddressOf(String(leader));
    const known = { ...(leader !== undefined && { leader }), ...(address && { url: `http://${address}` }) };
    throw new CairnError(error.code, error.message, { ...error.details, ...known }, error);
  }
}

async function resign({ admin, status }: AdminParts, target: string | undefined): Promise<Answer> {
  const name = target === undefined ? undefined : memberBy(status(), target).name;
  await admin.resign(name);
  return ok({ resigned: true });
}

function setPriority(admin: AdminPort, text: string): Answer {
  const priority = integer(text, -PRIORITY_MAX, PRIORITY_MAX);
  admin.setPriority(priority);
  return ok({ priority });
}

function promotion(status: NodeStatus, member: string, insteadOf: string | undefined): MembershipChange {
  const { id } = memberBy(status, member);
  if (insteadOf === undefined) return { kind: 'promote', id };
  return { kind: 'promote', id, insteadOf: memberBy(status, insteadOf).id };
}

/** The member of this id or name. */
function memberBy({ configuration, role, leader }: NodeStatus, idOrName: string): Member {
  if (configuration === undefined) throw new CairnError('no-cluster', 'the node belongs to no cluster yet');
  const byId = configuration.members.find(({ id }) => id === idOrName);
  const byName = configuration.members.filter(({ name }) => name === idOrName);
  const member = byId ?? byName[0];
  if (byId === undefined && byName.length > 1)
    throw invalid(`several members have been ${idOrName}: name one by its id`, {
      ids: byName.map(({ id }) => id).join(' '),
    });
  if (member !== undefined) return member;
  // Who doesn't lead may not have heard of the member yet.
  if (role !== 'leader') {
    if (leader === undefined) throw new CairnError('no-leader', 'no leader is known');
    throw new CairnError('not-leader', 'this node does not lead', { leader });
  }
  throw invalid(`no member has the id or the name ${JSON.stringify(idOrName)}`);
}

function integer(text: string, least: number, most: number): number {
  const value = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw invalid(`${JSON.stringify(text)} is no whole number from ${least} to ${most}`);
}

/** `POST /admin/faults/block` with names as a JSON array: these two hear nothing of each other from now on. An empty one heals. */
function blockRoute(admin: AdminPort): Route {
  return {
    method: 'POST',
    path: '/admin/faults/block',
    bodyBytesMax: NAMES_BYTES_MAX,
    handle: ({ body }) => {
      const blocked = namesIn(body);
      admin.block(blocked);
      return ok({ blocked });
    },
  };
}

function namesIn(body: string): readonly string[] {
  let names: unknown;
  try {
    names = JSON.parse(body);
  } catch (error) {
    throw new CairnError('invalid-request', 'the body is no JSON', {}, error);
  }
  const isName = (name: unknown) => typeof name === 'string' && parseEndpoint(name) !== undefined;
  if (Array.isArray(names) && names.length <= NAMES_MAX && names.every(isName)) return names as string[];
  throw invalid(`the body must be an array of up to ${NAMES_MAX} names like "node-1:2113"`);
}
