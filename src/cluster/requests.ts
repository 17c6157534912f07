/** What clients and operators ask of a node: a leader does it; any other asks the leader, or says no. Pure. */
import { unreachable } from '../base/assert.js';
import type { Core } from './core.js';
import type { Input } from './effects.js';
import type { Follower } from './follower.js';
import type { Leader } from './leader.js';
import type { RemoteReads } from './remote-reads.js';

export type RequestInput = Extract<Input, { kind: 'read' | 'resign' | 'change' | 'priority' }>;

/** Who is asked: what the node is at the moment. */
export interface Asked {
  readonly core: Core;
  readonly leader: Leader | undefined;
  readonly follower: Follower | undefined;
  readonly remoteReads: RemoteReads;
}

export function takeRequest(input: RequestInput, { core, leader, follower, remoteReads }: Asked): void {
  const { outbox } = core;
  switch (input.kind) {
    case 'read':
      if (leader !== undefined) leader.onRead(input.request);
      else if (follower !== undefined) remoteReads.ask(input.request, follower.leader);
      else outbox.push({ kind: 'readRefused', request: input.request, refusal: 'no-leader' });
      break;
    case 'resign':
      if (leader?.isEstablished === true) leader.resignation.begin(input.target);
      else outbox.push({ kind: 'resignRefused', refusal: 'not-leader' });
      break;
    case 'change':
      if (leader !== undefined) leader.changes.onChange(input.request, input.change);
      else outbox.push({ kind: 'changeRefused', request: input.request, refusal: 'not-leader' });
      break;
    case 'priority':
      core.priority = input.priority;
      break;
    default:
      unreachable(input);
  }
}
