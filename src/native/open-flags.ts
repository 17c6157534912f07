/** How files are opened: from the words of the Disk port to the bits of open(2). Both implementations ask here. */
import { constants } from 'node:fs';
import type { OpenOptions } from '../base/ports.js';

/** Events are nobody's business but the owner's, and those whom the owner puts in the group, for backups. */
export const FILE_MODE = 0o640;

const ACCESS_FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  'create-new': constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
};

/** The flags of open(2). O_DIRECT and O_DSYNC are 0 on systems that don't have them. */
export function openFlags(options: OpenOptions): number {
  const direct = options.direct === true ? (constants.O_DIRECT ?? 0) : 0;
  const dsync = options.dsync === true ? (constants.O_DSYNC ?? constants.O_SYNC) : 0;
  return ACCESS_FLAGS[options.access] | direct | dsync;
}
