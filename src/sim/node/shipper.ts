/**
 * Sends what a leader's core wants shipped: whole records from the log, a moment later where they have to be read from the disk, in one large range
 * or, as in production where the log is large, in many. Pure.
 */
import type { Effect, Input, Outgoing } from '../../cluster/effects.js';
import type { NodeLog } from '../disk/node-log.js';
import type { Random } from '../random.js';

export interface ShipperHost {
  readonly log: NodeLog;
  later(delayMs: number, act: () => void): void;
  take(input: Input): void;
  send(outgoing: Outgoing): void;
}

/** How long a `ship` may take that has to read from the disk. */
const DELAY_MS_MAX = 2;
const DELAY_CHANCE = 0.1;
/** How often a range ends early, in the middle of a transaction perhaps: as large ones do in production, where all are large. */
const SHORT_CHANCE = 0.2;
/** How many leaders send in small pieces, each from the disk, what is further back than so much: then who is behind takes a while to catch up. */
const PIECES_CHANCE = 0.5;
const PIECE_BYTES_MAX = 1200;

export class Shipper {
  readonly #host: ShipperHost;
  readonly #random: Random;
  readonly #sendsPieces: boolean;

  constructor(host: ShipperHost, random: Random) {
    this.#host = host;
    this.#random = random;
    this.#sendsPieces = random.chance(PIECES_CHANCE);
  }

  ship({ to, range, limit }: Extract<Effect, { kind: 'ship' }>): void {
    const random = this.#random;
    const isCold = this.#sendsPieces && this.#host.log.end.position - range.position > PIECE_BYTES_MAX;
    const delayMs = isCold || random.chance(DELAY_CHANCE) ? random.fraction() * DELAY_MS_MAX : 0;
    const wanted = isCold ? range.position + random.below(PIECE_BYTES_MAX) : limit;
    this.#host.later(delayMs, () => this.#send({ kind: 'ship', to, range, limit: Math.min(wanted, limit) }));
  }

  #send({ to, range, limit }: Extract<Effect, { kind: 'ship' }>): void {
    const { log } = this.#host;
    const random = this.#random;
    const from = range.position;
    // A leader of old may have cut its log meanwhile: nobody waits for this any more.
    const wanted = random.chance(SHORT_CHANCE) ? random.between(from, limit) : limit;
    const end = from < log.end.position ? log.rangeEnd(from, wanted) : from;
    if (end > from) this.#host.send({ to, message: { ...range, bytes: log.read(from, end) } });
    this.#host.take({ kind: 'shipped', to: range.to, attempt: range.attempt, end });
  }
}
