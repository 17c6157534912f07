/** What a failed system call on the data folder means to whoever runs the node. */
import { CairnError } from '../base/errors.js';
import type { DiskError } from '../base/ports.js';

/** For one that is met while the node works: it can promise nothing any more. */
export function diskFailure(error: DiskError): CairnError {
  const { errno, syscall, path } = error;
  const message = `${syscall} failed with ${errno} on ${path}: the node stops, nothing unsynced was acknowledged; check the disk, then start the node again`;
  return new CairnError('disk-failure', message, { errno, syscall, path }, error);
}
