/**
 * Who waits until a read, or a no, may be said: for a read index from the core, and then until this node's own commit position has
 * reached it. Main thread. Bounded by the reads and appends that sessions may have open.
 */
import type { Position } from '../base/units.js';
import type { Rejection } from '../sequencer/pending-replies.js';

interface Waiting {
  /** Undefined while a read index is waited for. */
  position: Position | undefined;
  readonly proceed: () => void;
  readonly refuse: (rejection: Rejection) => void;
}

export class ReadGate {
  readonly #ask: (request: number) => void;
  readonly #asked = new Map<number, Waiting>();
  #reached: Waiting[] = [];
  #confirming: { readonly answer: () => void; readonly abandon: () => void }[] = [];
  #next = 1;

  /** `ask`: asks the core for a read index; {@link ready} or {@link refused} follows, perhaps at once. */
  constructor(ask: (request: number) => void) {
    this.#ask = ask;
  }

  /** Resolves when a linearizable read may begin. `committed`: what is committed by then. */
  ask(committed: () => Position): Promise<Rejection | undefined> {
    return new Promise((resolve) => {
      this.#add({ position: undefined, proceed: () => resolve(undefined), refuse: resolve });
      this.committed(committed());
    });
  }

  /** Confirms that what this leader's log says is the newest there is. Those of one turn share a question. */
  confirm(answer: () => void, abandon: () => void): void {
    this.#confirming.push({ answer, abandon });
    if (this.#confirming.length > 1) return;
    queueMicrotask(() => {
      const together = this.#confirming;
      this.#confirming = [];
      const proceed = () => {
        for (const one of together) one.answer();
      };
      const refuse = () => {
        for (const one of together) one.abandon();
      };
      this.#add({ position: undefined, proceed, refuse });
    });
  }

  whenCommitted(position: Position, committed: Position): Promise<void> {
    if (position <= committed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#reached.push({ position, proceed: resolve, refuse: () => resolve() });
    });
  }

  ready(request: number, position: Position, committed: Position): void {
    const waiting = this.#asked.get(request);
    if (waiting === undefined) return;
    this.#asked.delete(request);
    waiting.position = position;
    if (position <= committed) waiting.proceed();
    else this.#reached.push(waiting);
  }

  refused(request: number, rejection: Rejection): void {
    const waiting = this.#asked.get(request);
    this.#asked.delete(request);
    waiting?.refuse(rejection);
  }

  /** The commit position has moved. */
  committed(committed: Position): void {
    if (this.#reached.length === 0) return;
    const waiting = this.#reached;
    this.#reached = waiting.filter(({ position }) => position! > committed);
    for (const { position, proceed } of waiting) if (position! <= committed) proceed();
  }

  #add(waiting: Waiting): void {
    const request = this.#next++;
    this.#asked.set(request, waiting);
    this.#ask(request);
  }
}
