/** Thrown in the middle of a disk operation to end the process there: a kill at exactly this step. */
export class ProcessCrash extends Error {
  override readonly name = 'ProcessCrash';

  constructor() {
    super('killed in the middle of a disk operation');
  }
}
