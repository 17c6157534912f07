/**
 * A node in a conversation: the core, its log and its saved state, and what drives it by the rules of effects.ts. Disks are as fast as the
 * script wants: at once, or, while they are held, not before they are released. All that happens is said to the host, in words.
 */
import { assert } from '../../src/base/assert.js';
import type { Bytes } from '../../src/base/ports.js';
import { ClusterNode } from '../../src/cluster/cluster-node.js';
import type { ClusterNodeOptions } from '../../src/cluster/cluster-node-options.js';
import type { AppendedRecord, Effect, Input, NodeRole } from '../../src/cluster/effects.js';
import type { Message } from '../../src/cluster/messages.js';
import type { NodeState } from '../../src/cluster/node-state.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { type BuiltRecords, RecordBuilder } from '../../src/sim/node/record-bytes.js';
import { CHUNK_SIZE, ConversationLog } from './conversation-log.js';
import { alarmWords, changeWords, configurationWords, type Names } from './conversation-words.js';

export interface ConversationHost {
  readonly names: Names;
  say(words: string): void;
  send(from: ConversationNode, to: string, message: Message): void;
  roleTaken(node: ConversationNode, role: NodeRole, epoch: number): void;
  committed(node: ConversationNode, position: number): void;
}

/** What survives: a folder. */
export interface Folder {
  readonly state: NodeState;
  readonly log: ConversationLog | undefined;
}

type Line =
  | { readonly kind: 'write'; readonly from: number; readonly bytes: Bytes; readonly isCatchUp: boolean }
  | { readonly kind: 'append'; readonly record: AppendedRecord }
  | { readonly kind: 'truncate'; readonly to: number };

const EVENT_DATA_BYTES = 100;
const NO_EVENT_ID = '00000000-0000-4000-8000-000000000000';

export class ConversationNode {
  readonly name: string;
  readonly options: ClusterNodeOptions;
  core: ClusterNode | undefined;
  log: ConversationLog | undefined;
  /** Its own clock. */
  nowMs = 0;
  /** Syncs of the log wait; so do truncations. */
  isLogHeld = false;
  areSavesHeld = false;
  /** No operation on the log gets anywhere, as on a full disk. */
  isLineStuck = false;
  hasSmallRanges = false;
  readonly #host: ConversationHost;
  #saved: NodeState;
  #said: NodeState;
  #saves: Extract<Effect, { kind: 'save' }>[] = [];
  #line: Line[] = [];
  #inputs: Input[] = [];
  #isStepping = false;

  constructor(host: ConversationHost, options: ClusterNodeOptions, folder: Folder) {
    this.#host = host;
    this.name = options.name;
    this.options = options;
    this.#saved = folder.state;
    this.#said = folder.state;
    this.log = folder.log;
  }

  get id(): string {
    return this.#saved.memberId;
  }

  get clusterId(): string {
    return this.core?.view.state.clusterId ?? '';
  }

  get isUp(): boolean {
    return this.core !== undefined;
  }

  /** A copy of what is durable. */
  get folder(): Folder {
    return { state: this.#saved, log: this.log?.copy() };
  }

  start(nonce: number): void {
    assert(this.core === undefined, `${this.name} runs already`);
    this.#saved = { ...this.#saved, start: this.#saved.start + 1, nonce };
    this.#said = this.#saved;
    this.core = new ClusterNode(this.options, { state: this.#saved, log: this.log?.start() }, this.nowMs);
  }

  /** Whatever isn't durable is gone. */
  crash(): void {
    this.core = undefined;
    this.#saves = [];
    this.#line = [];
    this.#inputs = [];
    this.log?.crash();
    this.isLogHeld = false;
    this.areSavesHeld = false;
    this.isLineStuck = false;
  }

  restore({ state, log }: Folder): void {
    assert(this.core === undefined, `${this.name} is still running`);
    this.#saved = state;
    this.log = log?.copy();
  }

  /** Gives the core inputs; what comes in meanwhile waits its turn. */
  take(...inputs: readonly Input[]): void {
    this.#inputs.push(...inputs);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        assert(this.core !== undefined, `${this.name} is down`);
        for (const effect of this.core.step(next, this.nowMs)) this.#carryOut(effect);
      }
    } finally {
      this.#isStepping = false;
    }
  }

  /** A leader's transactions: each is a list of names of events. */
  append(transactions: readonly (readonly string[])[]): void {
    const builder = this.#builder();
    const { epoch } = this.core!.view;
    for (const names of transactions) {
      const events = names.map((name, i) => {
        const data = new Uint8Array(EVENT_DATA_BYTES - name.length);
        return { stream: name, type: '', eventId: NO_EVENT_ID, revision: i, data };
      });
      this.#publish(builder.appendPrepares(events, 0, epoch));
    }
    this.#pump();
  }

  /** A leader writes down what is committed. */
  appendCommit(): void {
    this.#publish(this.#builder().appendCommit(this.core!.view.commit));
    this.#pump();
  }

  /** Lets the disks do what they have been asked for. */
  releaseDisk(): void {
    this.isLogHeld = false;
    this.areSavesHeld = false;
    this.isLineStuck = false;
    for (let save = this.#saves.shift(); save !== undefined; save = this.#saves.shift()) this.#finish(save);
    this.#pump();
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        this.#host.send(this, effect.to, effect.message);
        break;
      case 'save':
        this.#save(effect);
        break;
      case 'ship':
        this.#ship(effect);
        break;
      case 'write':
      case 'append':
      case 'truncate':
        this.#line.push(effect);
        this.#pump();
        break;
      case 'joined':
        this.log ??= new ConversationLog();
        break;
      default:
        this.#tell(effect);
    }
  }

  #tell(
    effect: Exclude<Effect, { kind: 'send' | 'save' | 'ship' | 'write' | 'append' | 'truncate' | 'joined' }>,
  ): void {
    const { names } = this.#host;
    switch (effect.kind) {
      case 'commit':
        this.#say(`commits to ${effect.position}`);
        this.#host.committed(this, effect.position);
        break;
      case 'role':
        this.#say(roleWords(effect));
        this.#host.roleTaken(this, effect.role, effect.epoch);
        break;
      case 'readReady':
        this.#say(`can answer read ${effect.request} from ${effect.position} on`);
        break;
      case 'changed':
        this.#say(`has changed to ${configurationWords(effect.configuration, names)}`);
        break;
      case 'readRefused':
      case 'changeRefused':
      case 'resignRefused':
        this.#say(`${effect.kind}: ${effect.refusal}`);
        break;
      case 'alarm':
        this.#say(`ALARM ${alarmWords(effect.alarm, names)}`);
        break;
    }
  }

  #save(effect: Extract<Effect, { kind: 'save' }>): void {
    const words = changeWords(this.#said, effect.state, this.#host.names);
    this.#said = effect.state;
    if (words !== '') this.#say(`saves: ${words}${this.areSavesHeld ? ' (waits for the disk)' : ''}`);
    if (this.areSavesHeld) this.#saves.push(effect);
    else this.#finish(effect);
  }

  #finish({ state, thenSend }: Extract<Effect, { kind: 'save' }>): void {
    this.#saved = state;
    for (const { to, message } of thenSend) this.#host.send(this, to, message);
  }

  #ship({ to, range, limit }: Extract<Effect, { kind: 'ship' }>): void {
    const from = range.position;
    const end = this.log!.rangeEnd(from, this.hasSmallRanges ? from : limit);
    this.#host.send(this, to, { ...range, bytes: this.log!.read(from, end) });
    this.#inputs.push({ kind: 'shipped', to: range.to, attempt: range.attempt, end });
  }

  /** The log's operations, in order, as far as the disk lets them. */
  #pump(): void {
    if (this.isLineStuck) return;
    for (let head = this.#line[0]; head !== undefined; head = this.#line[0]) {
      if (head.kind === 'truncate' && this.isLogHeld) break;
      this.#line.shift();
      this.#operate(head);
    }
    const { log } = this;
    if (log === undefined || this.isLogHeld || log.durable === log.end.position) return;
    this.take({ kind: 'durable', position: log.sync() });
  }

  #operate(operation: Line): void {
    const log = this.log!;
    switch (operation.kind) {
      case 'write': {
        assert(operation.from === log.end.position, 'a write continues the log');
        log.write(operation.bytes);
        const care = operation.isCatchUp ? ', catching up' : '';
        this.#say(`writes ${log.wordsOf(operation.from, log.end.position)} to ${log.end.position}${care}`);
        break;
      }
      case 'truncate': {
        const dropped = log.wordsOf(operation.to, Number.POSITIVE_INFINITY);
        log.truncate(operation.to);
        this.#say(`TRUNCATES to ${operation.to}, dropping ${dropped}`);
        this.take({ kind: 'truncated', end: log.end });
        break;
      }
      case 'append':
        this.#appendRecord(operation.record);
        break;
    }
  }

  #appendRecord(record: AppendedRecord): void {
    const builder = this.#builder();
    const built =
      record.type === 'epoch'
        ? builder.appendEpoch(record.epoch, this.id)
        : builder.appendMembership(record.configuration);
    const { begin: position, end } = built;
    this.#publish(built, { kind: 'appended', record, position, end: end.position });
  }

  #publish({ bytes, end, position }: BuiltRecords, ...before: readonly Input[]): void {
    this.log!.write(bytes);
    this.#say(`appends ${this.log!.wordsOf(position, end.position)}, to ${end.position}`);
    this.take(...before, { kind: 'published', end });
  }

  #builder(): RecordBuilder {
    const { end } = this.log!;
    return new RecordBuilder(javascriptKernel, { end, chunkSize: CHUNK_SIZE, timestampUs: 0 });
  }

  #say(words: string): void {
    this.#host.say(`${this.name} ${words}`);
  }
}

export function roleWords({
  role,
  epoch,
  leader,
}: {
  readonly role: NodeRole;
  readonly epoch: number;
  readonly leader: string | undefined;
}): string {
  return epoch === 0 ? `is ${role}` : `is ${role} in ${epoch}${leader === undefined ? '' : ` of ${leader}`}`;
}
