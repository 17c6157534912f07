/**
 * A follower that is far behind: when it may write faster, what it must not vouch for meanwhile, and when the mark goes. The leader is node 2,
 * and calls committed what the test says.
 */
import { describe, expect, test } from 'vitest';
import type { NodeState } from '../../src/cluster/node-state.js';
import { idOf } from './ids.js';
import { anEvent, builderAt, CATCH_UP_BYTES, HEARTBEAT_MS, LoneNode } from './lone-node.js';

const EPOCH = 2;
const FAR_BEHIND = 2 * CATCH_UP_BYTES;

/** A follower in step with its leader, to which ranges of one event come. */
class Follower {
  readonly node: LoneNode;
  readonly attempt: number;
  readonly #builder;
  #round = 1;
  /** Where what the leader has sent ends. */
  end: number;
  /** Its own words to itself that have left behind a save, not heard yet. */
  ownAcks: number[] = [];

  constructor(state?: Partial<NodeState>) {
    this.node = new LoneNode(state === undefined ? {} : { state });
    this.attempt = this.node.follow(EPOCH);
    this.#builder = builderAt(this.node.end);
    this.end = this.node.end.position;
    this.node.hear(2, { kind: 'subscribed', epoch: EPOCH, attempt: this.attempt, position: this.end });
    this.node.take();
  }

  /** The next range comes. Answers how it is to be written, what was saved, and up to where it was acked. */
  range(commit: number): Seen {
    const { bytes } = anEvent(this.#builder, 1);
    const position = this.end;
    this.end += bytes.length;
    this.node.hear(2, { kind: 'range', epoch: EPOCH, attempt: this.attempt, position, commit, bytes });
    return this.seen();
  }

  durable(position = this.end): Seen {
    this.node.step({ kind: 'durable', position });
    return this.seen();
  }

  heartbeat(commit: number): Seen {
    this.#round++;
    this.node.hear(2, { kind: 'heartbeat', epoch: EPOCH, round: this.#round, commit, end: this.end });
    return this.seen();
  }

  /** Its saves are durable: it hears what it has told itself. */
  saved(): Seen {
    for (const attempt of this.ownAcks.splice(0)) {
      this.node.hear(1, { kind: 'ack', epoch: EPOCH, attempt, durable: 0 });
    }
    return this.seen();
  }

  seen(): Seen {
    const seen: Seen = {};
    for (const effect of this.node.take()) {
      if (effect.kind === 'write') seen.isCatchUp = effect.isCatchUp;
      if (effect.kind === 'save') {
        seen.mark = effect.state.catchingUpFrom ?? 'none';
        for (const { message } of effect.thenSend) {
          if (message.kind === 'ack' && message.to === idOf(1)) this.ownAcks.push(message.attempt);
        }
      }
      if (effect.kind === 'send' && effect.message.kind === 'ack') seen.acked = effect.message.durable;
    }
    return seen;
  }
}

interface Seen {
  isCatchUp?: boolean;
  mark?: number | 'none';
  acked?: number;
}

/** One that has made its mark, durably, at `from`. */
function marked(): { follower: Follower; from: number } {
  const follower = new Follower();
  const from = follower.end;
  follower.range(from + FAR_BEHIND);
  follower.saved();
  return { follower, from };
}

describe('a follower that is far behind', () => {
  test('makes a mark, and writes faster from when that is durable', () => {
    const follower = new Follower();
    const from = follower.end;
    expect(follower.range(from + FAR_BEHIND)).toMatchObject({ isCatchUp: false, mark: from });
    expect(follower.range(from + FAR_BEHIND)).toEqual({ isCatchUp: false });
    follower.saved();
    expect(follower.range(from + FAR_BEHIND)).toEqual({ isCatchUp: true });
  });

  test('makes none if it is only a little behind, or the log is not committed', () => {
    const follower = new Follower();
    expect(follower.range(follower.end + CATCH_UP_BYTES - 8)).toEqual({ isCatchUp: false });
    for (let i = 0; i < 20; i++)
      expect(follower.range(follower.node.end.position)).toEqual({ isCatchUp: false });
  });

  test('writes with care what goes beyond what is committed', () => {
    const { follower, from } = marked();
    const commit = from + FAR_BEHIND;
    while (follower.end < commit - 200) expect(follower.range(commit).isCatchUp).toBe(true);
    while (follower.end <= commit) follower.range(commit);
    expect(follower.range(commit)).toEqual({ isCatchUp: false });
  });

  test('acks nothing beyond what is committed without it until the mark is gone, durably', () => {
    const { follower, from } = marked();
    const commit = from + FAR_BEHIND;
    follower.range(commit);
    expect(follower.durable()).toEqual({ acked: follower.end });
    while (follower.end <= commit) follower.range(commit);
    expect(follower.durable()).toEqual({ mark: 'none', acked: commit });
    follower.range(commit);
    expect(follower.durable()).toEqual({ acked: commit });
    expect(follower.heartbeat(commit)).toEqual({ acked: commit });
    expect(follower.saved()).toEqual({ acked: follower.end });
  });

  test('needs no mark any more if it has everything before the mark is durable', () => {
    const follower = new Follower();
    const commit = follower.end + FAR_BEHIND;
    while (follower.end <= commit) expect(follower.range(commit).isCatchUp).toBe(false);
    expect(follower.durable()).toEqual({ mark: 'none', acked: commit });
    expect(follower.saved()).toEqual({ acked: follower.end });
  });

  test('is in step again when it has what is committed, and may fall behind again', () => {
    const { follower, from } = marked();
    follower.range(from + FAR_BEHIND);
    while (follower.end < from + FAR_BEHIND) follower.range(from + FAR_BEHIND);
    expect(follower.durable().mark).toBe('none');
    follower.saved();
    const again = follower.end;
    expect(follower.range(again + FAR_BEHIND).mark).toBe(again);
  });
});

describe('the mark', () => {
  test('stays until all that was written under it is durable, though the leader is gone', () => {
    const { follower, from } = marked();
    const commit = from + FAR_BEHIND;
    const { end } = follower;
    follower.range(commit);
    follower.range(commit);
    follower.node.hear(2, { kind: 'steppedDown', epoch: EPOCH });
    expect(follower.seen().mark).toBeUndefined();
    expect(follower.durable(end).mark).toBeUndefined();
    expect(follower.durable().mark).toBe('none');
  });

  test('stays until a cut is done', () => {
    const { follower, from } = marked();
    const before = follower.node.end;
    follower.range(from + FAR_BEHIND);
    const attempt = follower.node.follow(3);
    follower.node.hear(2, { kind: 'subscribed', epoch: 3, attempt, position: before.position });
    expect(follower.seen().mark).toBeUndefined();
    expect(follower.durable().mark).toBeUndefined();
    follower.node.step({ kind: 'truncated', end: before });
    expect(follower.seen().mark).toBe('none');
  });

  test('that goes, and is overtaken by a promise before its owner heard of it, is heard of with the promise', () => {
    const { follower, from } = marked();
    const commit = from + FAR_BEHIND;
    while (follower.end < commit) follower.range(commit);
    expect(follower.durable().mark).toBe('none');
    const [number] = follower.ownAcks;
    follower.ownAcks = [];
    follower.node.hear(3, { kind: 'prepare', epoch: 5, resigning: '' });
    follower.seen();
    expect(follower.ownAcks).toEqual([number]);
  });

  test('of a former life goes first; until then its owner vouches for what was before it', () => {
    const { position } = new LoneNode().end;
    const from = position - 64;
    const node = new LoneNode({ state: { catchingUpFrom: from } });
    node.step({ kind: 'tick' });
    const saves = node.take().filter(({ kind }) => kind === 'save');
    expect(saves).toMatchObject([
      { state: { catchingUpFrom: undefined }, thenSend: [{ message: { kind: 'ack' } }] },
    ]);
    const attempt = node.follow(EPOCH);
    node.hear(2, { kind: 'subscribed', epoch: EPOCH, attempt, position });
    expect(node.said(2)).toMatchObject([{ kind: 'ack', durable: from }]);
    node.hear(1, { kind: 'ack', epoch: 1, attempt: 1, durable: 0 });
    expect(node.said(2)).toMatchObject([{ kind: 'ack', durable: position }]);
  });

  test('keeps a leader from counting itself', () => {
    const node = new LoneNode({ state: { catchingUpFrom: 64 } });
    node.step({ kind: 'tick' });
    node.take();
    node.lead(EPOCH);
    node.subscribedBy(2, EPOCH, 1);
    node.hear(2, { kind: 'ack', epoch: EPOCH, attempt: 1, durable: node.end.position });
    expect(node.core.view.commit).toBe(0);
    node.hear(1, { kind: 'ack', epoch: 1, attempt: 1, durable: 0 });
    expect(node.core.view.commit).toBe(node.end.position);
  });

  test('does not stand because an earlier one was heard of late', () => {
    const { follower, from } = marked();
    const commit = from + FAR_BEHIND;
    while (follower.end < commit) follower.range(commit);
    follower.durable();
    const late = [...follower.ownAcks];
    follower.saved();
    const again = follower.end;
    follower.range(again + FAR_BEHIND);
    for (const attempt of late) follower.node.hear(1, { kind: 'ack', epoch: EPOCH, attempt, durable: 0 });
    expect(follower.range(again + FAR_BEHIND).isCatchUp).toBe(false);
    follower.node.wait(HEARTBEAT_MS);
    follower.saved();
    expect(follower.range(again + FAR_BEHIND).isCatchUp).toBe(true);
  });
});
