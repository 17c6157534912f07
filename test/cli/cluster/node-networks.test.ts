/** Networks of nodes: why they can't be had, and whose they are. `test/process/network` has what passes in them and what doesn't. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LocalCluster } from '../../../src/cli/cluster/local-cluster.js';
import { NODES_MAX, NodeNetworks, withoutNetworks } from '../../../src/cli/cluster/node-networks.js';
import { withoutNetworkLab } from '../../process/network/network-lab.js';
import { fakeCluster, testFolder } from './local-nodes.js';

const missing = withoutNetworkLab();

describe('networks of nodes', () => {
  it('are refused to whoever is not root, with the reason, and no cluster is made', async () => {
    const user = vi.spyOn(process as Required<NodeJS.Process>, 'getuid').mockReturnValue(1000);
    onTestFinished(() => user.mockRestore());
    expect(withoutNetworks()).toMatch(/need root|Linux/);
    const folder = testFolder();
    await expect(fakeCluster({ hasNamespaces: true }, folder)).rejects.toMatchObject({
      code: 'invalid-configuration',
    });
    expect(LocalCluster.exists(folder)).toBe(false);
  });

  it("are their owner's, who finds them again; another one is told that they are in use", ({ skip }) => {
    skip(missing !== undefined, missing);
    const networks = NodeNetworks.create('/one');
    onTestFinished(() => networks.remove([]));
    expect(NodeNetworks.open(networks.number, '/one').addressOf(1)).toBe(networks.addressOf(1));
    expect(() => NodeNetworks.open(networks.number, '/two')).toThrow(/in use/);
    expect(NodeNetworks.find(networks.number, '/two')).toBeUndefined();
    expect(() => networks.connect(NODES_MAX + 1)).toThrow(/room/);
  });

  it('are made again under their number when they are gone, as after a start of the machine', ({ skip }) => {
    skip(missing !== undefined, missing);
    const { number } = NodeNetworks.create('/one');
    NodeNetworks.open(number, '/one').remove([]);
    const again = NodeNetworks.open(number, '/one');
    onTestFinished(() => again.remove([1]));
    again.connect(1);
    again.connect(1);
    expect(() => again.breakLinks(1, [{ from: 2, to: 1, fault: 'drop' }])).not.toThrow();
  });
});
