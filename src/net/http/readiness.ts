/** Why a node is not ready, for `/health/ready`, from what it says of itself. Pure. */
import type { ErrorCode } from '../../base/errors.js';
import type { NodeStatus } from '../node-port.js';

export interface Unreadiness {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Undefined if it is ready. */
export function unreadinessOf({ isReady, role, leader }: NodeStatus): Unreadiness | undefined {
  if (isReady) return undefined;
  if (role === 'fresh') return { code: 'no-cluster', message: 'the node belongs to no cluster yet' };
  if (role === 'fenced') return { code: 'fenced', message: 'the node serves nobody: its log says why' };
  if (leader === undefined) return { code: 'no-leader', message: 'no leader is known' };
  if (role === 'preLeader' || role === 'resigning')
    return { code: 'no-leader', message: 'the leader takes no writes: its reign begins or ends' };
  return { code: 'not-ready', message: 'the node can not serve reads and take writes yet' };
}
