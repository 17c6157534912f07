/**
 * The members of a cluster as a node tells of them by gossip. Pure; Node and browsers. Whatever a node says there, a client only ever takes it for a hint
 * where to connect to.
 */

/** A member that takes clients. */
export interface Member {
  /** Where. */
  readonly url: string;
  readonly isAlive: boolean;
  readonly isLeader: boolean;
  /** Whether it has the log, follows the leader, and does not lead. */
  readonly isFollower: boolean;
  /** Whether it is the node that told. */
  readonly isTeller: boolean;
}

const FOLLOWERS: ReadonlySet<string> = new Set(['follower', 'clone', 'readonlyreplica']);
/** The address of the node that another calls `address`, reached as the one at `url` is: by the same scheme and path. */
export function reachedLike(url: string, address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, pathname } = new URL(url);
  return `${protocol}//${new URL(address).host}${pathname}`;
}

/** A cluster has some nodes; a node that tells of thousands is mistaken. */
const MEMBERS_MAX = 64;
const PORT_MAX = 65_535;

/** What `gossip` says, by a node that was reached at `url`: the others are reached likewise. Entries that make no sense are left out. */
export function membersOf(gossip: Readonly<Record<string, unknown>>, url: string): readonly Member[] {
  const { members, serverIp, serverPort } = gossip;
  if (!Array.isArray(members)) return [];
  const { protocol, pathname } = new URL(url);
  return members.slice(0, MEMBERS_MAX).flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { state, isAlive, httpEndPointIp: host, httpEndPointPort: port } = entry as Record<string, unknown>;
    if (typeof host !== 'string' || typeof port !== 'number' || port < 1 || port > PORT_MAX) return [];
    const address = `${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}${pathname}`;
    if (!URL.canParse(address)) return [];
    const role = typeof state === 'string' ? state.toLowerCase() : '';
    return {
      url: address,
      isAlive: isAlive === true,
      isLeader: role === 'leader',
      isFollower: FOLLOWERS.has(role),
      isTeller: host === serverIp && port === serverPort,
    };
  });
}
