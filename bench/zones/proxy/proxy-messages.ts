/** What main tells the proxy's thread, and what it hears. Types only. */
import type { LinkShape } from '../link-shape.js';
import type { Passage } from './passages.js';
import type { Party } from './proxy-core.js';

export interface ProxyStart {
  readonly seed: number;
  readonly nodes: readonly { readonly party: Party; readonly port: number }[];
  /** Each gets a gate to each node. */
  readonly clients: readonly Party[];
}

export type ProxyCommand =
  | { readonly kind: 'links'; readonly links: ReadonlyMap<string, LinkShape> }
  | { readonly kind: 'cut'; readonly zones: ReadonlySet<string> }
  /** Record passages from now on; answered with those since the last one. */
  | { readonly kind: 'record'; readonly isOn: boolean };

export type ProxyReport =
  /** Ports of the gates: for nodes by node, for clients by client and node. */
  | {
      readonly kind: 'listening';
      readonly nodes: readonly number[];
      readonly clients: readonly (readonly number[])[];
    }
  /** A command has taken effect. */
  | { readonly kind: 'done'; readonly passages: readonly Passage[] };
