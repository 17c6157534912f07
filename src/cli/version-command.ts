/** `cairn version [-v]`: the version; with -v what this machine makes of it, too: disk path and checksum code. Main thread. */
import type { Command } from 'commander';
import { openPlatform, type PlatformDescription } from '../native/platform.js';
import { packageVersion } from './version.js';

/** Adds `version` to the command line. */
export function registerVersion(program: Command): void {
  program
    .command('version')
    .description('show the version; with -v also which disk path and which checksum code run here')
    .option('-v, --verbose', 'show everything')
    .action(({ verbose }: { verbose?: true }) => {
      for (const line of versionLines(verbose === true ? openPlatform().describe : undefined))
        console.log(line);
    });
}

/** The lines to print. The disk path is `native` (the addon: O_DIRECT, fallocate) or `javascript` (node:fs alone). */
export function versionLines(platform: PlatformDescription | undefined): string[] {
  const first = `cairn ${packageVersion()}`;
  if (platform === undefined) return [first];
  return [
    first,
    `node      ${process.version}`,
    `platform  ${process.platform} ${process.arch}`,
    `disk      ${platform.disk} (${platform.reason})`,
    `crc32c    ${platform.crc32c}`,
  ];
}
