/**
 * The promises of docs/consensus.md, held against everything that running nodes do, as they do it. Pure. What a node says is compared with
 * what its disk has, not with what its core believes; the run's own books (who leads which epoch, what is committed, who has acked
 * what) are kept here. The first broken promise ends the run.
 */
import { bytesEqual } from '../../base/bytes.js';
import type { Bytes } from '../../base/ports.js';
import type { Epoch, Position } from '../../base/units.js';
import { type Configuration, type MemberId, quorumOf, votersOf } from '../../cluster/configuration.js';
import type { Alarm, NodeRole } from '../../cluster/effects.js';
import { decodeMembership } from '../../cluster/membership-record.js';
import type { Message } from '../../cluster/messages.js';
import type { ObservedProcess, ProcessObserver } from '../node/process-observer.js';
import { BrokenPromise } from './broken-promise.js';
import type { CommittedLog } from './committed-log.js';
import { forEachRecord, isOpenAtEnd } from './logged-event.js';
import { PromiseBook } from './promise-book.js';

/** What is known of a running process. */
interface Watched {
  readonly process: ObservedProcess;
  commit: Position;
  /** Up to here its disk was asked, and has it durably. */
  durable: Position;
  /** Where its log is being cut: nothing behind it counts any more. */
  cutTo: Position | undefined;
  /** Its reign: where its Epoch record ends. */
  reign: { readonly epoch: Epoch; readonly end: Position } | undefined;
}

export interface InvariantsWorld {
  readonly committedLog: CommittedLog;
  /** Whether this node's disk keeps what it says: not if a fault made it lie or forget. */
  readonly trusts: (process: ObservedProcess) => boolean;
  readonly onFenced: (process: ObservedProcess) => void;
}

export class Invariants implements ProcessObserver {
  /** Who has led which epoch. */
  readonly leaders = new Map<Epoch, MemberId>();
  /** The last one that is committed. */
  configuration: Configuration | undefined;
  membershipChanges = 0;
  truncations = 0;
  messages = 0;
  readonly #world: InvariantsWorld;
  readonly #watched = new Map<string, Watched>();
  /** How far members have acked, by epoch: an ack of a former reign may be under way to its leader for long. */
  readonly #acked = new Map<MemberId, Map<Epoch, Position>>();
  readonly #promises = new PromiseBook();

  constructor(world: InvariantsWorld) {
    this.#world = world;
  }

  promisedBy(member: MemberId): Epoch {
    return this.#promises.promisedBy(member);
  }

  started(process: ObservedProcess): void {
    const { commit } = process.core.view;
    this.#watched.set(process.name, { process, commit: 0, durable: 0, cutTo: undefined, reign: undefined });
    if (this.#world.trusts(process)) this.#promises.started(process);
    if (commit > 0) this.#requireCommitted(process, 0, commit);
    this.#watch(process).commit = commit;
  }

  sending(process: ObservedProcess, message: Message): void {
    this.messages++;
    const { savedState: saved } = process;
    switch (message.kind) {
      case 'prepareOk':
        this.#requireDurable(process, message.position, 'a promise');
        break;
      case 'accept': {
        const isSaved = saved.acceptedEpoch === message.epoch && saved.acceptedLeader === message.to;
        this.#require(isSaved, process, 'vote', 'a vote leaves before it is durable, or for somebody else');
        break;
      }
      case 'ack':
        this.#requireDurable(process, message.durable, 'an ack');
        this.#requireVouched(process, message.durable, 'an ack');
        this.#noteAck(process, message.epoch, message.durable);
        break;
      case 'heartbeatReply':
      case 'subscribe':
        break;
      default:
        return;
    }
    if (message.kind !== 'heartbeatReply' && this.#world.trusts(process))
      this.#promises.said(process, message);
    const isLate = message.epoch < saved.promisedEpoch;
    this.#require(
      !isLate,
      process,
      'epoch',
      `${message.kind} of epoch ${message.epoch} after a higher promise`,
    );
    const isFenced = saved.fenced && message.kind !== 'heartbeatReply';
    this.#require(!isFenced, process, 'fenced', `${message.kind} from a fenced node`);
  }

  roleTaken(process: ObservedProcess, role: NodeRole, epoch: Epoch): void {
    if (role === 'fenced') this.#world.onFenced(process);
    if (role !== 'preLeader' && role !== 'leader' && role !== 'resigning') {
      this.#watch(process).reign = undefined;
      return;
    }
    this.#noteLeader(process, epoch);
    this.#requireUnpromised(process, epoch);
  }

  epochBegan(process: ObservedProcess, epoch: Epoch, end: Position): void {
    this.#noteLeader(process, epoch);
    this.#promises.began(process, epoch);
    this.#watch(process).reign = { epoch, end };
  }

  committed(process: ObservedProcess, position: Position): void {
    const watched = this.#watch(process);
    const { committedLog } = this.#world;
    this.#require(position > watched.commit, process, 'commit', 'the commit position goes back');
    if (position > committedLog.end) this.#requireQuorum(watched, position);
    const from = watched.commit;
    watched.commit = position;
    this.#requireCommitted(process, from, position);
  }

  writing(process: ObservedProcess): void {
    const { epoch, savedState: saved } = process;
    const isLate = epoch < saved.promisedEpoch;
    this.#require(!isLate, process, 'epoch', 'records of a lower epoch are written after a higher promise');
  }

  truncating(process: ObservedProcess, to: Position): void {
    this.truncations++;
    const watched = this.#watch(process);
    this.#require(
      to >= watched.commit,
      process,
      'truncation',
      `cut at ${to}, committed up to ${watched.commit}`,
    );
    watched.durable = Math.min(watched.durable, to);
    watched.cutTo = to;
    const { log } = process;
    const { committedLog } = this.#world;
    if (to >= log.end.position || to >= committedLog.end) return;
    const end = log.rangeEnd(to, to);
    const isCommitted = end <= committedLog.end && sameBytes(log.read(to, end), committedLog.bytes(to, end));
    this.#require(
      !isCommitted,
      process,
      'truncation',
      `cut at ${to}, where it has what others know is committed`,
    );
  }

  truncationRefused(process: ObservedProcess, to: Position, committed: Position): void {
    this.#require(
      false,
      process,
      'truncation',
      `cut at ${to}; a record behind says ${committed} is committed`,
    );
  }

  alarmed(process: ObservedProcess, alarm: Alarm): void {
    const isBug = alarm.kind === 'bad-range' || alarm.kind === 'truncation-refused';
    this.#require(!isBug || !this.#world.trusts(process), process, alarm.kind, JSON.stringify(alarm));
  }

  stepped(process: ObservedProcess): void {
    const watched = this.#watch(process);
    if (watched.reign !== undefined) this.#requireUnpromised(process, watched.reign.epoch);
    if (watched.cutTo !== undefined && process.log.end.position <= watched.cutTo) watched.cutTo = undefined;
    this.#require(process.isBounded, process, 'bounds', 'a queue is longer than its limit');
  }

  /** Whether a member of a configuration is known to have acked so much in this epoch. */
  #hasAcked(id: MemberId, epoch: Epoch, position: Position): boolean {
    return (this.#acked.get(id)?.get(epoch) ?? 0) >= position;
  }

  #noteAck({ memberId }: ObservedProcess, epoch: Epoch, position: Position): void {
    const acked = this.#acked.get(memberId) ?? new Map<Epoch, Position>();
    this.#acked.set(memberId, acked);
    acked.set(epoch, Math.max(position, acked.get(epoch) ?? 0));
  }

  #noteLeader(process: ObservedProcess, epoch: Epoch): void {
    const known = this.leaders.get(epoch);
    const isOnly = known === undefined || known === process.memberId;
    this.#require(isOnly, process, 'one leader', `a second leader of epoch ${epoch}`);
    this.leaders.set(epoch, process.memberId);
  }

  /** Who has promised a higher epoch leads no more. */
  #requireUnpromised(process: ObservedProcess, epoch: Epoch): void {
    const { promisedEpoch } = process.core.view;
    const message = `leads epoch ${epoch}, and has promised ${promisedEpoch}`;
    this.#require(epoch >= promisedEpoch, process, 'epoch', message);
  }

  /** The leader moves commit beyond what anybody knew: a majority of its voters must hold it, and its epoch record be before it. */
  #requireQuorum({ process, reign }: Watched, position: Position): void {
    const { configuration } = process.core.view;
    this.#require(reign !== undefined, process, 'commit', `commits ${position} first, and is no leader`);
    this.#require(configuration !== undefined, process, 'commit', 'commits without a configuration');
    this.#require(position >= reign.end, process, 'commit', `commits ${position} before its Epoch record`);
    this.#requireUnpromised(process, reign.epoch);
    const holders = votersOf(configuration).filter(({ id }) => {
      if (id !== process.memberId) return this.#hasAcked(id, reign.epoch, position);
      this.#requireDurable(process, position, 'its commit');
      this.#requireVouched(process, position, 'its commit');
      return true;
    });
    const isQuorum = holders.length >= quorumOf(configuration);
    this.#require(isQuorum, process, 'quorum', `commits ${position} with ${holders.length} holders`);
    for (const { name, id } of holders) this.#requireHeld(process, this.#watched.get(name), id, position);
  }

  /** A voter that has acked has the very bytes, if it is still there. */
  #requireHeld(leader: ObservedProcess, holder: Watched | undefined, id: MemberId, position: Position): void {
    const process = holder?.process;
    if (process === undefined || process.memberId !== id || !process.isAlive || !this.#world.trusts(process))
      return;
    const from = this.#world.committedLog.end;
    const isThere = process.hasLog && process.log.end.position >= position;
    const isSame = isThere && sameBytes(process.log.read(from, position), leader.log.read(from, position));
    this.#require(isSame, process, 'quorum', `has acked ${position} and does not have it`);
  }

  #requireCommitted(process: ObservedProcess, from: Position, to: Position): void {
    const { committedLog } = this.#world;
    const before = committedLog.end;
    const isThere = process.log.end.position >= to;
    this.#require(isThere, process, 'commit', `commits ${to}, and its log ends before`);
    const bytes = process.log.read(from, to);
    this.#require(!isOpenAtEnd(bytes), process, 'commit', `commits ${to}, inside a transaction`);
    const anomaly = committedLog.commit(process.name, from, bytes)[0];
    this.#require(anomaly === undefined, process, anomaly?.kind ?? '', anomaly?.message ?? '');
    if (committedLog.end > before) this.#noteConfigurations(before, committedLog.end);
  }

  #noteConfigurations(from: Position, to: Position): void {
    forEachRecord(this.#world.committedLog.bytes(from, to), ({ body }) => {
      if (body.kind !== 'membership') return;
      this.configuration = decodeMembership(body.content) ?? this.configuration;
      this.membershipChanges++;
    });
  }

  #requireDurable(process: ObservedProcess, position: Position, what: string): void {
    if (!process.hasLog || !this.#world.trusts(process)) return;
    const watched = this.#watch(process);
    const isCut = watched.cutTo !== undefined && position > watched.cutTo;
    this.#require(!isCut, process, 'durability', `${what} speaks for ${position}, which is being cut off`);
    if (position <= watched.durable) return;
    const { log, disk } = process;
    const isThere = log.end.position >= position;
    const places = isThere ? log.placesOf(watched.durable, position) : [];
    const isDurable = isThere && places.every(({ path, from, to }) => disk.isDurable(path, from, to));
    this.#require(isDurable, process, 'durability', `${what} speaks for ${position}, which is not durable`);
    watched.durable = position;
  }

  /** As long as recovery would not tell damage from a tear behind a position, nothing behind it may hang on this node. */
  #requireVouched(process: ObservedProcess, position: Position, what: string): void {
    const { catchingUpFrom } = process.savedState;
    const known = Math.max(catchingUpFrom ?? position, this.#world.committedLog.end);
    const message = `${what} speaks for ${position}, and it is catching up from ${catchingUpFrom}`;
    this.#require(position <= known, process, 'catching-up', message);
  }

  #watch(process: ObservedProcess): Watched {
    return this.#watched.get(process.name)!;
  }

  #require(holds: boolean, process: ObservedProcess, invariant: string, message: string): asserts holds {
    if (!holds) throw new BrokenPromise(invariant, message, process.name);
  }
}

function sameBytes(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && bytesEqual(a, 0, b, 0, a.length);
}
