/**
 * One subscriber of a cluster, through the client library: begins some time after the others, follows, leaves now and then and comes back to where
 * it was, and writes down all that it is told. How it keeps to nodes is one of three ways; what it is told must be right in each.
 */
import {
  CairnError,
  type Client,
  type ClientOptions,
  connect,
  type NodePreference,
  type ReadMessage,
} from '../../../src/client/client.js';
import type { SeededRandom } from '../random.js';
import type { ClusterHistory } from './cluster-history.js';
import { isGenuine, isOfLoad } from './event-content.js';
import type { Target } from './node-connection.js';
import {
  ClusterSubscription,
  type SubscriptionPlace,
  type SubscriptionWish,
} from './subscription-history.js';

/**
 * `mending`: its client knows all nodes, and goes on by itself. `pinned`: the same, with one node alone. `moving`: its client gives up with the connection;
 * the subscriber makes another, to any node, and subscribes after what it has seen.
 */
export type SubscriberWay =
  | { readonly kind: 'mending'; readonly preference: NodePreference }
  | { readonly kind: 'pinned'; readonly node: number }
  | { readonly kind: 'moving' };

export interface SubscriberPlan {
  readonly way: SubscriberWay;
  readonly wish: Pick<SubscriptionWish, 'stream' | 'filter'>;
  readonly begin: SubscriptionPlace;
  /** Takes its time over what it gets. */
  readonly isSlow?: true;
}

export interface ClusterSubscriberOptions {
  readonly plan: SubscriberPlan;
  readonly name: string;
  readonly random: SeededRandom;
  readonly history: ClusterHistory;
  /** Where nodes are at the moment. */
  readonly targets: () => readonly Target[];
  /** Of all nodes, also of those that are down. */
  readonly urls: readonly string[];
}

/** A client that goes on for ever, as far as a run is concerned. */
const UNTIRING = { attempts: 1_000_000 };
const TIMEOUT_MS = 2_500;
/** The last of them come when faults have begun. */
const BEGIN_MS_MAX = 4_000;
const AWAY_MS_MAX = 400;
/** How many events it takes, if it is one of those that leave. */
const STAY_EVENTS_MAX = 120;
const LEAVING_SHARE = 0.7;
/** Of those who leave: how many give up their connection, too. */
const DISCONNECTING_SHARE = 0.4;
const SLOW_MS_MAX = 30;

export class ClusterSubscriber {
  readonly subscription: ClusterSubscription;
  readonly #options: ClusterSubscriberOptions;
  readonly #random: SeededRandom;
  #client: Client | undefined;
  #messages: AsyncIterableIterator<ReadMessage> | undefined;
  #isSettling = false;
  #isStopping = false;

  constructor(options: ClusterSubscriberOptions) {
    const { plan, name, random, history } = options;
    this.#options = options;
    this.#random = random;
    const mendsItself = plan.way.kind !== 'moving';
    this.subscription = new ClusterSubscription(
      history,
      { client: name, ...plan.wish, mendsItself },
      plan.begin,
    );
  }

  /** Goes on until {@link stop}. Rejects if it meets what it can't explain. */
  async run(): Promise<void> {
    await pause(this.#random.below(BEGIN_MS_MAX));
    while (!this.#isStopping) {
      const client = await this.#connected();
      if (client !== undefined) await this.#follow(client);
      await pause(this.#random.below(AWAY_MS_MAX));
    }
    this.#disconnect();
  }

  /** Stays from now on, and hurries. */
  settle(): void {
    this.#isSettling = true;
  }

  stop(): void {
    this.#isStopping = true;
    void this.#messages?.return?.();
  }

  async #connected(): Promise<Client | undefined> {
    if (this.#client?.isConnected === false && this.#options.plan.way.kind === 'moving') this.#disconnect();
    if (this.#client !== undefined) return this.#client;
    const place = this.#place();
    if (place === undefined) return undefined;
    try {
      this.#client = await connect(place.urls, { requestTimeoutMs: TIMEOUT_MS, ...place.options });
    } catch (error) {
      // Nobody there at the moment.
      if (!(error instanceof CairnError)) throw error;
    }
    return this.#client;
  }

  /** Where to connect to, and how. */
  #place(): { readonly urls: readonly string[]; readonly options: ClientOptions } | undefined {
    const { plan, urls, targets } = this.#options;
    const { way } = plan;
    switch (way.kind) {
      case 'mending':
        return { urls, options: { nodePreference: way.preference, reconnect: UNTIRING } };
      case 'pinned':
        return { urls: [urls[way.node % urls.length]!], options: { discover: false, reconnect: UNTIRING } };
      case 'moving': {
        const found = targets();
        if (found.length === 0) return undefined;
        return { urls: [this.#random.pick(found).url], options: { discover: false, reconnect: false } };
      }
    }
  }

  async #follow(client: Client): Promise<void> {
    const { subscription } = this;
    const isLeaving = this.#random.chance(LEAVING_SHARE);
    const stay = isLeaving ? 1 + this.#random.below(STAY_EVENTS_MAX) : Number.POSITIVE_INFINITY;
    subscription.opened(client.url);
    let error: string | undefined;
    try {
      await this.#takeAll(client, stay);
    } catch (cause) {
      if (!(cause instanceof CairnError)) throw cause;
      error = cause.code;
    }
    subscription.closed(error);
    if (error !== undefined || this.#random.chance(DISCONNECTING_SHARE)) this.#disconnect();
  }

  async #takeAll(client: Client, stay: number): Promise<void> {
    const { wish, after } = this.subscription;
    const place = after === 'end' ? ({ from: 'end' } as const) : { after };
    const { stream, filter } = wish;
    const read =
      stream === undefined
        ? client.subscribeAll(filter === undefined ? place : { ...place, filter })
        : client.subscribe(stream, place);
    let left = stay;
    this.#messages = read.messages();
    for await (const message of this.#messages) {
      if (this.#isStopping) return;
      left = this.#take(message, this.#isSettling ? Number.POSITIVE_INFINITY : left);
      if (left === 0) return;
      if (this.#options.plan.isSlow && !this.#isSettling) await pause(this.#random.below(SLOW_MS_MAX));
    }
  }

  /** Takes at most so many events of it; returns how many more it may take. */
  #take(message: ReadMessage, most: number): number {
    const { subscription } = this;
    switch (message.kind) {
      case 'behind':
        subscription.fellBehind();
        return most;
      case 'caught-up':
      case 'checkpoint':
        subscription.told(message.kind, message.checkpoint);
        return most;
      case 'events': {
        const taken = message.events.filter(({ stream }) => isOfLoad(stream)).slice(0, most);
        for (const { stream, revision, position, id, type, data } of taken) {
          if (!isGenuine(id, type, data)) this.#contradict(`${id} was not shown as it was sent`);
          subscription.shown({ stream, revision, position, eventId: id });
        }
        return most - taken.length;
      }
    }
  }

  #contradict(what: string): void {
    this.#options.history.contradictions.push(`a subscription of ${this.#options.name}: ${what}`);
  }

  /** In the background: a node that is paused never answers the farewell. */
  #disconnect(): void {
    void this.#client?.close();
    this.#client = undefined;
  }
}

/** Not to wait for something, but to be away for a while. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
