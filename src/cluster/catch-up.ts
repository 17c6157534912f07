/**
 * Writing what is committed without this node, in large batches. Pure. Recovery takes a Commit record that stands behind a torn record which
 * it calls committed for proof of damage (docs/formats.md, Recovery, rule 1); so a follower syncs before each such Commit, once for every
 * event in a log that was written one by one. One that is far behind makes a mark in its node state instead: from this position on Commit
 * records prove nothing. As long as the mark stands the node vouches for nothing behind it that isn't committed without it, so that nothing
 * hangs on what recovery might then take for torn. The mark is durable before the first such write, and goes when all of them are.
 */
import { earlier, FIRST_POSITION, later, type Position } from '../base/units.js';
import type { ClusterNodeOptions } from './cluster-node-options.js';
import type { KnownLog } from './known-log.js';
import type { Outbox } from './outbox.js';

/**
 * `off`: there is no mark. `marking`: it is being saved. `open`: it is durable. `closing`: what was written under it is to become durable.
 * `clearing`: it is, and that the mark is gone is being saved.
 */
type Stage = 'off' | 'marking' | 'open' | 'closing' | 'clearing';

/**
 * Who lacks so much of what is committed makes a mark. A full range: what two saves cost is nothing against the syncs that they may save, and a
 * follower in step never lacks so much.
 */
const CATCH_UP_BYTES = 262_144;
/** How far the mark may be behind: the less of the log it covers, the more of what rots is told apart from what was torn. */
const MARK_BYTES = 67_108_864;

/** What of the core it works with. */
export interface CatchUpHost {
  readonly options: ClusterNodeOptions;
  readonly outbox: Outbox;
  readonly log: KnownLog;
}

export class CatchUp {
  readonly #core: CatchUpHost;
  #stage: Stage;
  /** Where the mark was made: all before it was durable then. */
  #from: Position = FIRST_POSITION;
  /** Where what was written under the mark ends. */
  #writtenTo: Position = FIRST_POSITION;
  /** Numbers the changes of the mark. */
  #number = 0;

  constructor(core: CatchUpHost) {
    this.#core = core;
    const { catchingUpFrom } = core.outbox.state;
    // A former life's: recovery was told, and all that it has found is durable.
    this.#stage = catchingUpFrom === undefined ? 'off' : 'closing';
    this.#from = catchingUpFrom ?? 0;
  }

  /** Up to where this node's word counts: all that is durable, if there is no mark. */
  get vouched(): Position {
    const { durable } = this.#core.log;
    return this.#stage === 'off' ? durable : earlier(durable, this.#from);
  }

  /** Up to where it may ack, under a leader that calls all before `leaderCommit` committed. */
  ackable(leaderCommit: Position): Position {
    return later(this.vouched, earlier(this.#core.log.durable, leaderCommit));
  }

  /** Whether the range that ends the log now may be written without regard to its Commit records. */
  admitsRange(leaderCommit: Position): boolean {
    const { log, options } = this.#core;
    if (log.end > leaderCommit) return false;
    if (this.#stage === 'off' && leaderCommit - log.durable >= (options.catchUpBytes ?? CATCH_UP_BYTES))
      this.#mark();
    if (this.#stage !== 'open') return false;
    this.#writtenTo = log.end;
    return true;
  }

  /** More is durable, under a leader that calls all before `leaderCommit` committed. */
  noteDurable(leaderCommit: Position): void {
    const { outbox, log } = this.#core;
    if (this.#stage !== 'marking' && this.#stage !== 'open') return;
    const { catchingUpFrom } = outbox.state;
    // Perhaps before the mark was durable: then nothing was written under it.
    if (log.durable >= leaderCommit) this.end();
    else if (log.durable - (catchingUpFrom ?? 0) >= MARK_BYTES) outbox.save({ catchingUpFrom: log.durable });
  }

  /** Nothing more is written under the mark: all is fetched, or there is no leader, or the log is about to be cut. */
  end(): void {
    if (this.#stage === 'marking' || this.#stage === 'open') this.#stage = 'closing';
    this.settle();
  }

  /** To be called when more is durable: then the mark may go. */
  settle(): void {
    const { log, outbox } = this.#core;
    // While a cut is under way nobody knows how far the writes before it have come.
    const isDurable = !log.isTruncating && log.durable >= earlier(this.#writtenTo, log.end);
    if (this.#stage !== 'closing' || !isDurable || outbox.state.fenced) return;
    this.#stage = 'clearing';
    this.#save(undefined);
  }

  /** A change of the mark is durable. Answers whether this node's word counts for more now. */
  onSaved(number: number): boolean {
    if (number !== this.#number) return false;
    this.#core.outbox.ownAck = undefined;
    if (this.#stage === 'marking') this.#stage = 'open';
    if (this.#stage !== 'clearing') return false;
    this.#stage = 'off';
    return true;
  }

  #mark(): void {
    const { durable } = this.#core.log;
    this.#stage = 'marking';
    this.#from = durable;
    this.#writtenTo = 0;
    this.#save(durable);
  }

  #save(catchingUpFrom: Position | undefined): void {
    const { outbox } = this.#core;
    this.#number++;
    outbox.ownAck = this.#number;
    outbox.save({ catchingUpFrom });
  }
}
