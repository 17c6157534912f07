/** What is told when a damaged chunk could not be mended: the damage, and what each of the other members said. */
import { CairnError } from '../../base/errors.js';
import type { PeerAnswer } from './chunk-repair.js';

export function unmended(error: CairnError, answers: readonly PeerAnswer[]): CairnError {
  const told = answers.map(({ peer, reason }) => `${peer}: ${reason}`).join('; ');
  const message = `${error.message}; the other members were asked and could not help (${told})`;
  return new CairnError('log-corrupt', message, { ...error.details, asked: told }, error);
}
