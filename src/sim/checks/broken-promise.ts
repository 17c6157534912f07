/** How a check says that something must never have happened: it ends the run on the spot. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';

  constructor(
    /** Which promise, in a few words. */
    readonly invariant: string,
    message: string,
    readonly node: string,
  ) {
    super(message);
  }
}
