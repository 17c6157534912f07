/** A node as a service of systemd: the unit, and the configuration file that it reads. Pure. */
import { EXIT_CODES } from '../../exit-codes.js';
import { optionFile, PORT, REACHABLE, type Settings, STOP_SECONDS } from './settings.js';

/** Descriptors for connections, and as many again for chunks and peers. */
const FILES_MAX = 65_536;

/** What only a person can mend: restarting would not help. docs/errors.md. */
const NO_RESTART = [EXIT_CODES.usage, EXIT_CODES.folderInUse, EXIT_CODES.badData, EXIT_CODES.cannotListen];

export function unitFile(): string {
  return `# A Cairn node. Copy to /etc/systemd/system/cairn.service; options: /etc/cairn/cairn.yaml. docs/operating.md explains.
[Unit]
Description=Cairn event store
Documentation=file:///opt/cairn/docs/operating.md
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User=cairn
Group=cairn
ExecStart=/usr/bin/env node /opt/cairn/dist/src/main.js node --config /etc/cairn/cairn.yaml
StateDirectory=cairn
StateDirectoryMode=0700
# It stops in order at SIGTERM: what was accepted becomes durable and is answered.
KillSignal=SIGTERM
TimeoutStopSec=${STOP_SECONDS}
# A failed disk or a bug: start again. What a person must look at stays down.
Restart=on-failure
RestartSec=1
RestartPreventExitStatus=${NO_RESTART.join(' ')}
LimitNOFILE=${FILES_MAX}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX

[Install]
WantedBy=multi-user.target
`;
}

/** For the first of so many nodes; the others differ in two lines. */
export function systemdOptions(nodes: number): string {
  const names = Array.from({ length: nodes }, (_, index) => `cairn-${index + 1}.example.org`);
  const settings: Settings = {
    Db: '/var/lib/cairn',
    ...REACHABLE,
    NodePort: `${PORT}`,
    NodeHostAdvertiseAs: names[0]!,
    ClusterSize: `${nodes}`,
    Zone: 'a',
    GossipSeed: names.map((name) => `${name}:${PORT}`).join(','),
  };
  return `# A Cairn node, one of ${nodes}: /etc/cairn/cairn.yaml. The others differ in NodeHostAdvertiseAs and Zone alone.
# Insecure, because there is no TLS yet: let nobody but nodes and clients reach the port.

${optionFile(settings)}`;
}
