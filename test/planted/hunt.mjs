/**
 * A child process: runs seed after seed on one copy of the program until a promise is broken. Arguments: the copy's folder, the first seed, how
 * many at most, the faults. Tells its parent each seed that it begins, so that one that never ends is noticed, and then what it found.
 */
const [folder, first, count, faultsText] = process.argv.slice(2);
const { runSimulation } = await import(`${folder}/src/sim/simulation.js`);
const { parseFaults } = await import(`${folder}/src/sim/faults/fault-plan.js`);

/** Odd and even quorums, and members without a vote. The seed picks, so that a seed always means the same run. */
const SHAPES = [
  { nodes: 3, clones: 0, replicas: 0 },
  { nodes: 3, clones: 1, replicas: 0 },
  { nodes: 5, clones: 0, replicas: 0 },
  { nodes: 3, clones: 2, replicas: 1 },
  { nodes: 4, clones: 0, replicas: 0 },
  { nodes: 2, clones: 1, replicas: 1 },
];
const VIRTUAL_MS = 10_000;
const faults = parseFaults(faultsText);
if (faults === undefined) throw new Error(`there are no faults called ${faultsText}`);

let found;
let seed = Number(first);
const end = seed + Number(count);
for (; seed < end && found === undefined; seed++) {
  process.send({ kind: 'begun', seed });
  const shape = SHAPES[seed % SHAPES.length];
  const { violations } = runSimulation({ seed, ...shape, virtualMs: VIRTUAL_MS, faults });
  found = violations[0];
}
process.send({ kind: 'ended', seeds: seed - Number(first), seed: seed - 1, violation: found }, () =>
  process.exit(),
);
