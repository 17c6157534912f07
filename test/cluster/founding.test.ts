/** A node whose seeds name it otherwise than it calls itself, as addresses of DNS may: it hears its own hello, and founds a cluster all the same. */
import { expect, test } from 'vitest';
import { ClusterNode } from '../../src/cluster/cluster-node.js';
import type { Message } from '../../src/cluster/messages.js';
import { freshNodeState } from '../../src/cluster/node-state.js';
import { idOf, memberOf } from './ids.js';
import { ELECTION_TIMEOUT_MS, optionsOf } from './lone-node.js';

const SIZE = 3;
const NUMBERS = [1, 2, 3];
/** Under this the seeds have node `number`. */
const aliasOf = (number: number) => `10.0.0.${number}:2113`;

/** Carries messages between fresh nodes, by name and by alias, until all are said; saves are durable at once. */
class FreshNodes {
  readonly #nodes: ReadonlyMap<number, ClusterNode>;
  #nowMs = 0;

  constructor() {
    this.#nodes = new Map(
      NUMBERS.map((number) => {
        const { name } = memberOf(number);
        const options = { ...optionsOf(SIZE), name, seeds: NUMBERS.map(aliasOf) };
        const start = { state: freshNodeState(idOf(number), number), log: undefined };
        return [number, new ClusterNode(options, start, 0)] as const;
      }),
    );
  }

  get roles(): readonly string[] {
    return [...this.#nodes.values()].map((node) => node.view.role);
  }

  wait(milliseconds: number): void {
    this.#nowMs += milliseconds;
    const onTheWay: { readonly to: string; readonly message: Message }[] = [];
    const step = (node: ClusterNode, input: Parameters<ClusterNode['step']>[0]) => {
      for (const effect of node.step(input, this.#nowMs)) {
        if (effect.kind === 'save') onTheWay.push(...effect.thenSend);
        else if (effect.kind === 'send') onTheWay.push(effect);
      }
    };
    for (const node of this.#nodes.values()) step(node, { kind: 'tick' });
    for (let next = onTheWay.shift(); next !== undefined; next = onTheWay.shift()) {
      const { to, message } = next;
      const number = NUMBERS.find((known) => to === aliasOf(known) || to === memberOf(known).name)!;
      step(this.#nodes.get(number)!, { kind: 'message', message });
    }
  }
}

test('nodes whose seeds have them under other names found a cluster', () => {
  const nodes = new FreshNodes();
  nodes.wait(0);
  expect(nodes.roles).toEqual(['fresh', 'fresh', 'fresh']);
  for (let round = 0; round < 3; round++) nodes.wait(ELECTION_TIMEOUT_MS / 2);
  expect(nodes.roles).not.toContain('fresh');
});
