/** How processes end by what happens to them, as opposed to a bug of ours. Pure. */
import { CairnError } from '../../base/errors.js';
import { DiskError } from '../../base/ports.js';

/** Thrown in the middle of a disk operation to end the process there: a kill at exactly this step. */
export class ProcessCrash extends Error {
  override readonly name = 'ProcessCrash';

  constructor() {
    super('killed in the middle of a disk operation');
  }
}

/** Whether the world has failed. Anything else that is thrown is a bug, or a broken promise. */
export function isOfTheWorld(error: unknown): error is Error {
  return error instanceof DiskError || error instanceof CairnError || error instanceof ProcessCrash;
}
