/**
 * Whom this node has heard, when, and in which incarnation. Pure. Fences ghosts: once a start of a member has been heard, nothing
 * of an earlier start counts any more, and of two processes with the same start the second is a copy (invariant 8).
 */
import type { MemberId } from './configuration.js';
import type { Message } from './messages.js';

export interface Contact {
  readonly name: string;
  readonly start: number;
  readonly nonce: number;
  readonly heardMs: number;
}

/** `known`: go on. `old`: an earlier start of a member; `copy`: another process with the same start. */
export type ContactVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'old' | 'copy'; readonly seen: Contact };

/** Far more than a cluster has members; the longest silent is forgotten first. */
const CONTACTS_MAX = 256;

export class Contacts {
  readonly #byId = new Map<MemberId, Contact>();

  note(message: Message, nowMs: number): ContactVerdict {
    const { from, fromName: name, start, nonce } = message;
    const seen = this.#byId.get(from);
    if (seen !== undefined && start < seen.start) return { kind: 'old', seen };
    if (seen !== undefined && start === seen.start && nonce !== seen.nonce) return { kind: 'copy', seen };
    // Deleted first, so that the map's order is that of being heard.
    this.#byId.delete(from);
    this.#byId.set(from, { name, start, nonce, heardMs: nowMs });
    if (this.#byId.size > CONTACTS_MAX) this.#byId.delete(this.#byId.keys().next().value!);
    return { kind: 'known' };
  }

  seen(id: MemberId): Contact | undefined {
    return this.#byId.get(id);
  }
}
