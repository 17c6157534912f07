/** `cairn stream` as a process of its own, against a node. */
import { CommandProcess } from '../../process/command-process.js';
import type { NodeProcess } from '../../process/node-process.js';

export interface StreamOutcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `cairn stream …` on the node to its end. */
export async function runStreamOn(
  { url }: NodeProcess,
  words: readonly string[],
  input?: string,
): Promise<StreamOutcome> {
  const command = new CommandProcess(['stream', ...words], { input, environment: { CAIRN_URL: url } });
  const { code, output, errors } = await command.exit;
  return { status: code, stdout: output, stderr: errors };
}
