/** `cairn cluster manifests`: writes the files with which a cluster is run as services. Main thread. docs/deploy has what it writes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { VOTERS_MAX } from '../../../cluster/configuration.js';
import { wholeNumber } from '../whole-number.js';
import { composeFile, dockerFile } from './compose.js';
import { kubernetesFile } from './kubernetes.js';
import { systemdOptions, unitFile } from './systemd.js';

const DEFAULT_NODES = 3;

/** Adds `manifests`. */
export function addManifests(cluster: Command): void {
  cluster
    .command('manifests')
    .description('write files to run a cluster with systemd, Docker Compose or Kubernetes')
    .option('-n, --nodes <n>', 'voters', wholeNumber(1, VOTERS_MAX), DEFAULT_NODES)
    .option('--out <folder>', 'where to write them', 'deploy')
    .action(writeManifests);
}

/** File name → text. */
export function manifestsFor(nodes: number): ReadonlyMap<string, string> {
  return new Map([
    ['cairn.service', unitFile()],
    ['cairn.yaml', systemdOptions(nodes)],
    ['compose.yaml', composeFile(nodes)],
    ['Dockerfile', dockerFile()],
    ['kubernetes.yaml', kubernetesFile(nodes)],
  ]);
}

function writeManifests({ nodes, out }: { readonly nodes: number; readonly out: string }): void {
  const folder = resolve(out);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of manifestsFor(nodes)) {
    writeFileSync(join(folder, name), text);
    console.log(join(folder, name));
  }
}
