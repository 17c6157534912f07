/** What the commands of `cairn stream` have in common: where the node is, how results are printed, and a client that lives as long as the command. Main thread. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Client, connect } from '../../client/client.js';
import type { OutputFormat } from '../inspect/output.js';
import { addUrlOption } from '../node-urls.js';

export interface NodeFlags {
  readonly url: readonly string[];
  readonly output: OutputFormat;
}

/** The name under which the whole log can be read. */
export const ALL = '$all';

export function addNodeOptions(command: Command): Command {
  return addUrlOption(command).addOption(
    new Option('-o, --output <format>', 'a table, or JSON: one object a line')
      .choices(['table', 'json'])
      .default('table'),
  );
}

export function wholeNumber(lowest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= lowest) return value;
    throw new InvalidArgumentError(`It must be a whole number, ${lowest} or more.`);
  };
}

export async function withClient(
  urls: readonly string[],
  use: (client: Client) => Promise<void>,
): Promise<void> {
  const client = await connect(urls, {
    name: 'cairn stream',
    onDisconnect: ({ message }) =>
      tell(`the connection to ${urls.join(', ')} was lost (${message}); trying to come back`),
    onReconnect: () => tell('the connection is back'),
  });
  try {
    await use(client);
  } finally {
    await client.close();
  }
}

/** Says something that is not a result. */
export function tell(line: string): void {
  process.stderr.write(`cairn: ${line}\n`);
}
