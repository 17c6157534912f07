/** What can be wrong with what clients are shown: by reads, and by rejections, which show a stream's last revision. */
import { extendDigest } from '../../../src/sim/clients/client-messages.js';
import { stateAt } from './legal-history.js';
import { appends, bend, bendRead, committedAt, ends, type PlantedAnomaly, reads } from './planting.js';

export const VIEW_ANOMALIES: readonly PlantedAnomaly[] = [
  {
    name: 'a rejection with a revision that the stream never had',
    kind: 'unjustified-rejection',
    isPure: true,
    plant: bend('rejected', ({ outcome }) => ({ ...outcome, current: outcome.current + 1000 })),
  },
  {
    name: 'a rejection with a revision that the stream had long left behind',
    kind: 'unjustified-rejection',
    isPure: true,
    plant: bend('rejected', (append, world) => {
      const { expected, stream, invoked } = append;
      const { revision } = stateAt(world.events, stream, committedAt(world, invoked.sequence));
      if (revision < 1 || expected === 'none') return undefined;
      return { kind: 'rejected', current: expected === 0 || expected === 'exists' ? -1 : 0 };
    }),
  },
  {
    name: 'a rejection with just the revision that was expected',
    kind: 'unjustified-rejection',
    isPure: true,
    plant: bend('rejected', ({ expected }) =>
      typeof expected === 'number' ? { kind: 'rejected', current: expected } : undefined,
    ),
  },
  {
    name: 'a rejection that rests on what is committed later',
    kind: 'unjustified-rejection',
    isPure: true,
    plant: bend('rejected', ({ stream, expected, completed }, world) => {
      const known = stateAt(world.events, stream, committedAt(world, completed!.sequence)).revision;
      const { revision: current } = stateAt(world.events, stream, Number.POSITIVE_INFINITY);
      return current > known && current !== expected && expected !== 'exists'
        ? { kind: 'rejected', current }
        : undefined;
    }),
  },
  {
    name: 'a linearizable read that misses what was acknowledged before it',
    kind: 'stale-read',
    plant: bendRead('linearizable', ({ stream, invoked }, world) => {
      const known = Math.max(
        0,
        ...appends(world, 'ok')
          .filter(({ completed }) => completed!.sequence < invoked.sequence)
          .map(({ outcome }) => outcome.end),
      );
      const upTo = ends(world).findLast((end) => end < known);
      return upTo === undefined ? undefined : { upTo, state: stateAt(world.events, stream, upTo) };
    }),
  },
  {
    name: 'a linearizable read that misses what a committed read has shown before it',
    kind: 'stale-read',
    plant: bendRead('linearizable', ({ stream, invoked }, world) => {
      const before = reads(world, 'committed').findLast(
        ({ completed }) => completed!.sequence < invoked.sequence,
      );
      const shown = before?.outcome.upTo ?? 0;
      const upTo = ends(world).findLast((end) => end < shown);
      return upTo === undefined ? undefined : { upTo, state: stateAt(world.events, stream, upTo) };
    }),
  },
  {
    name: 'a read of an event that never was committed',
    kind: 'read-uncommitted',
    isPure: true,
    plant: bendRead('committed', ({ outcome }, _, random) => {
      const { revision, digest } = outcome.state;
      const lastEventId = random.uuid();
      return { state: { revision: revision + 1, digest: extendDigest(digest, lastEventId), lastEventId } };
    }),
  },
  {
    name: 'a read that counts more events than there ever were',
    kind: 'read-uncommitted',
    isPure: true,
    plant: bendRead('committed', ({ outcome }) =>
      outcome.state.revision < 0 ? undefined : { state: { ...outcome.state, revision: 1000 } },
    ),
  },
  {
    name: 'a read of an event that was truncated, and another one took its revision',
    kind: 'read-uncommitted',
    isPure: true,
    plant: bendRead('committed', ({ outcome, stream }, world, random) => {
      const { revision } = outcome.state;
      if (revision < 0) return undefined;
      const before = world.events.filter((event) => event.stream === stream).slice(0, revision);
      const digest = before.reduce((sum, { eventId }) => extendDigest(sum, eventId), 0);
      const lastEventId = random.uuid();
      return { state: { revision, digest: extendDigest(digest, lastEventId), lastEventId } };
    }),
  },
  {
    name: 'a read of what is committed later',
    kind: 'read-uncommitted',
    isPure: true,
    plant: bendRead('linearizable', ({ stream, completed, node, outcome }, world) => {
      const upTo = ends(world).find((end) => end > committedAt(world, completed!.sequence));
      const isFollowed = [...reads(world, 'linearizable'), ...reads(world, 'committed')].some(
        (other) =>
          other.node === node &&
          other.outcome.start === outcome.start &&
          other.completed!.sequence > completed!.sequence,
      );
      if (upTo === undefined || isFollowed) return undefined;
      return { upTo, state: stateAt(world.events, stream, upTo) };
    }),
  },
  {
    name: 'a read that lacks an event in the middle',
    kind: 'read-differs',
    isPure: true,
    plant: bendRead('committed', ({ outcome }) =>
      outcome.state.revision < 0
        ? undefined
        : { state: { ...outcome.state, digest: outcome.state.digest ^ 1 } },
    ),
  },
  {
    name: 'a read that lacks events at the end of what it says that it has read',
    kind: 'read-not-at-position',
    isPure: true,
    plant: bendRead('committed', ({ outcome, stream }, world) => {
      const last = world.events.findLast(
        (event) => event.stream === stream && event.end <= outcome.upTo && event.isFirst,
      );
      if (last === undefined) return undefined;
      return { state: stateAt(world.events, stream, last.position) };
    }),
  },
  {
    name: 'a read of half a transaction',
    kind: 'read-not-at-position',
    isPure: true,
    plant: bendRead('committed', ({ outcome, stream }, world) => {
      const inside = world.events.find(
        (event) => event.stream === stream && event.end <= outcome.upTo && !event.isLast,
      );
      return inside === undefined ? undefined : { state: stateAt(world.events, stream, inside.end) };
    }),
  },
  {
    name: 'a node that goes back between two reads',
    kind: 'session-backwards',
    isPure: true,
    plant: bendRead('committed', ({ stream, node, invoked, outcome, number }, world) => {
      const before = reads(world, 'committed').find(
        (other) =>
          other.number !== number &&
          other.node === node &&
          other.outcome.start === outcome.start &&
          other.completed!.sequence < invoked.sequence &&
          other.outcome.upTo > 0,
      );
      if (before === undefined) return undefined;
      const upTo = ends(world).findLast((end) => end < before.outcome.upTo)!;
      return { upTo, state: stateAt(world.events, stream, upTo) };
    }),
  },
];
