/** Asks a node, over a connection made for it alone, who is in its cluster, and measures how far away it is. Node and browsers. */

import { CairnError } from '../base/errors.js';
import { encodeGossip } from '../wire/answer-frames.js';
import { FrameWriter } from '../wire/frame-writer.js';
import { OPCODE } from '../wire/frames.js';
import { Connection, type Target } from './connection.js';
import { type Gossip, GossipQuestion } from './gossip-question.js';

interface Probed {
  readonly gossip: Gossip;
  /** From question to answer. */
  readonly roundTripMs: number;
}

const REQUEST_ID = 1;

/** Throws what keeps the node from answering. */
export async function probe(target: Target): Promise<Probed> {
  const question = new GossipQuestion();
  const connection = await Connection.open(target, {
    frame: (frame) =>
      frame.opcode === OPCODE.gossipReply ? question.answer(frame) : 'an answer to something else',
    messageEnd: () => undefined,
    disconnected: () => question.lost(),
  });
  const answer = question.asked(REQUEST_ID);
  const writer = new FrameWriter();
  encodeGossip(writer, REQUEST_ID);
  const sentMs = performance.now();
  connection.send(writer.take());
  const late = new CairnError('timeout', `${target.url} did not answer within ${target.timeoutMs} ms`);
  const timer = setTimeout(() => connection.abort(late), target.timeoutMs);
  const gossip = await answer;
  clearTimeout(timer);
  if (gossip === undefined) throw late;
  connection.close();
  return { gossip, roundTripMs: performance.now() - sentMs };
}
