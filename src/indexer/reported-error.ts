/** An error as it travels between threads: one that is thrown or posted arrives without its fields. Pure; any thread. */
import { CairnError, type ErrorCode, type ErrorDetails } from '../base/errors.js';
import { DiskError } from '../base/ports.js';

export interface ReportedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** What the world did to us, in this form; undefined if it is a bug of ours. */
export function reportedError(error: unknown): ReportedError | undefined {
  if (error instanceof CairnError) {
    const { code, message, details } = error;
    return { code, message, details };
  }
  if (!(error instanceof DiskError)) return undefined;
  const { errno, syscall, path, message } = error;
  return { code: 'disk-failure', message, details: { errno, syscall, path } };
}

/** The error again. */
export function errorOf({ code, message, details }: ReportedError): CairnError {
  return new CairnError(code, message, details);
}
