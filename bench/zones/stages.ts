/**
 * What each write of a run waited for, from what passed over the links. Pure. For runs of one write at a time: a range or an ack then belongs to the
 * write that is under way.
 */
import { CairnError } from '../../src/base/errors.js';
import type { DrawCosts, FollowerCosts, WriteCosts } from './latency-model.js';
import type { Passage } from './proxy/passages.js';
import type { Write } from './write-loop.js';

/** Some writes, and what passed over the links meanwhile. */
export interface Run {
  readonly writes: readonly Write[];
  readonly passages: readonly Passage[];
}

/** The messages of one write. */
export interface Commit {
  readonly append: Passage;
  readonly appended: Passage;
  /** Follower → the range with the event, as far as one was seen. */
  readonly ranges: ReadonlyMap<string, Passage>;
  /** Follower → its ack of that range, also after the answer. */
  readonly acks: ReadonlyMap<string, Passage>;
}

interface OpenCommit {
  readonly append: Passage;
  appended: Passage | undefined;
  readonly ranges: Map<string, Passage>;
  readonly acks: Map<string, Passage>;
}

/** Writes that were answered, in order. */
export function commitsOf(passages: readonly Passage[]): readonly Commit[] {
  const inOrder = [...passages].sort((a, b) => a.enteredMs - b.enteredMs);
  const commits: OpenCommit[] = [];
  for (const passage of inOrder) {
    const open = commits.at(-1);
    if (passage.kind === 'append')
      commits.push({ append: passage, appended: undefined, ranges: new Map(), acks: new Map() });
    else if (open !== undefined) take(open, passage);
  }
  return commits.filter((commit): commit is OpenCommit & Commit => commit.appended !== undefined);
}

function take(open: OpenCommit, passage: Passage): void {
  const { append, ranges, acks } = open;
  const { kind, from, to, mark } = passage;
  if (kind === 'appended') open.appended ??= passage;
  else if (kind === 'range' && passage.enteredMs >= append.leftMs && !ranges.has(to)) ranges.set(to, passage);
  else if (kind === 'ack' && mark >= (ranges.get(from)?.mark ?? Number.POSITIVE_INFINITY) && !acks.has(from))
    acks.set(from, passage);
}

/** What this machine takes for the parts of a write, write by write: the model draws from them. Times in ms. */
export interface MeasuredCosts {
  /** Of writes with ack policy `leader`: {@link WriteCosts.client}, {@link WriteCosts.local}. */
  readonly leader: readonly (readonly [client: number, local: number])[];
  /** Of writes with ack policy `all`, in which the last ack decides. */
  readonly all: readonly Omit<WriteCosts, 'local'>[];
}

/** From writes with ack policy `leader`, and writes with `all`. `followers`: names. */
export function costsOf(leaderRun: Run, allRun: Run, followers: readonly string[]): MeasuredCosts {
  return {
    leader: timedCommits(leaderRun).map(({ commit, clientMs }) => [
      clientMs,
      commit.appended.enteredMs - commit.append.leftMs,
    ]),
    all: timedCommits(allRun)
      .filter(({ commit }) => followers.every((name) => commit.acks.has(name)))
      .map(({ commit, clientMs }) => ({
        client: clientMs,
        after: Math.max(0, commit.appended.enteredMs - lastAckMs(commit)),
        followers: followers.map((name) => followerCosts(commit, name)),
      })),
  };
}

export function mergedCosts(parts: readonly MeasuredCosts[]): MeasuredCosts {
  return { leader: parts.flatMap(({ leader }) => leader), all: parts.flatMap(({ all }) => all) };
}

function lastAckMs({ acks }: Commit): number {
  return Math.max(...[...acks.values()].map(({ leftMs }) => leftMs));
}

function followerCosts({ append, ranges, acks }: Commit, name: string): FollowerCosts {
  const range = ranges.get(name)!;
  return { before: range.enteredMs - append.leftMs, follower: acks.get(name)!.enteredMs - range.leftMs };
}

/** The commits that belong to a write, with what of its time was neither on a link nor at a node. */
function timedCommits({ writes, passages }: Run): { readonly commit: Commit; readonly clientMs: number }[] {
  const commits = commitsOf(passages);
  const timed: { commit: Commit; clientMs: number }[] = [];
  let at = 0;
  for (const { startMs, endMs } of writes) {
    while (at < commits.length && commits[at]!.append.enteredMs < startMs) at++;
    const commit = commits[at];
    if (commit === undefined || commit.append.enteredMs > endMs) continue;
    timed.push({ commit, clientMs: endMs - startMs - (commit.appended.leftMs - commit.append.enteredMs) });
  }
  return timed;
}

/** Draws whole writes. Throws `CairnError` if nothing was measured. */
export function drawsOf({ leader, all }: MeasuredCosts): DrawCosts {
  if (leader.length === 0 || all.length === 0)
    throw new CairnError(
      'timeout',
      'too few writes were answered to tell what this machine takes for one: give it more --seconds',
    );
  return (random, policy) => {
    const [client, local] = random.pick(leader);
    const write = random.pick(all);
    return policy === 'leader' ? { ...write, client, local } : { ...write, local };
  };
}

/** Messages on all links that a write needs: what was sent besides heartbeats, gossip and the like, divided by the writes. */
export function messagesPerWrite(passages: readonly Passage[], writes: number): number {
  const kinds = new Set(['append', 'appended', 'range', 'ack']);
  const sent = passages.filter(({ kind }) => kinds.has(kind)).length;
  return writes === 0 ? 0 : sent / writes;
}
