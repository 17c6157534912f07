/** `cairn cluster`: registers its commands. Main thread. */
import type { Command } from 'commander';
import { addFaults } from './fault-commands.js';
import { addManifests } from './manifests/manifests-command.js';
import { addMembership } from './member-commands.js';
import { addStatus } from './status-command.js';
import { addTour } from './tour-command.js';
import { addUpAndDown } from './up-command.js';

/** Adds `cluster` and its commands to the command line. */
export function registerCluster(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('run a cluster on this machine; look at any cluster, and change it');
  addUpAndDown(cluster);
  addTour(cluster);
  addStatus(cluster);
  addMembership(cluster);
  addFaults(cluster);
  addManifests(cluster);
}
