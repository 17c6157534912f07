/** The links of a conversation: each has a queue, and all of them one order. A link may be cut (what is sent is lost) or held (it waits). */
import { assert } from '../../src/base/assert.js';
import { decodeMessage, encodeMessage } from '../../src/cluster/message-codec.js';
import type { Message } from '../../src/cluster/messages.js';

export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: Message;
}

export class ConversationNetwork {
  /** `n1->n2`. */
  readonly cut = new Set<string>();
  readonly held = new Set<string>();
  #waiting: Sent[] = [];
  /** The last one of each kind on each link, lost or not: for replays. */
  readonly #last = new Map<string, Sent>();

  send(sent: Sent): 'cut' | 'held' | 'sent' {
    const link = `${sent.from}->${sent.to}`;
    this.#last.set(`${link} ${sent.message.kind}`, sent);
    if (this.cut.has(link)) return 'cut';
    this.#waiting.push(sent);
    return this.held.has(link) ? 'held' : 'sent';
  }

  /** The next one that is not held. */
  next(): Sent | undefined {
    return this.#takeWhere(({ from, to }) => !this.held.has(`${from}->${to}`));
  }

  /** The next one on a link, of a kind if one is given. */
  take(link: string, kind: string | undefined): Sent | undefined {
    return this.#takeWhere(({ from, to, message }) => {
      return `${from}->${to}` === link && (kind === undefined || message.kind === kind);
    });
  }

  last(link: string, kind: string): Sent | undefined {
    return this.#last.get(`${link} ${kind}`);
  }

  #takeWhere(fits: (sent: Sent) => boolean): Sent | undefined {
    const index = this.#waiting.findIndex(fits);
    const [sent] = index < 0 ? [] : this.#waiting.splice(index, 1);
    return sent;
  }
}

/** As it comes out of the wire on the other side. */
export function overTheWire(message: Message): Message {
  const decoded = decodeMessage(encodeMessage(message));
  assert(decoded.kind !== 'invalid', 'what is encoded can be decoded');
  return decoded;
}
