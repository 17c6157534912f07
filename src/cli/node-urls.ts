/** The option that names the nodes that a command talks to. */
import { type Command, Option } from 'commander';

const DEFAULT_URL = 'ws://127.0.0.1:2113';

/** Adds `--url`, whose value is a list of addresses: given several times, separated by commas, or both. */
export function addUrlOption(command: Command): Command {
  return command.addOption(
    new Option('--url <url>', 'a node; of a cluster any, or several: again, or separated by commas')
      .env('CAIRN_URL')
      .default([DEFAULT_URL], DEFAULT_URL)
      .argParser(urlCollector()),
  );
}

/** The first value given takes the place of what stood there: the default, or the environment's. */
function urlCollector(): (text: string, previous: readonly string[]) => readonly string[] {
  let given: readonly string[] = [];
  return (text) => {
    given = [...given, ...text.split(',').map((url) => url.trim())].filter((url) => url !== '');
    return given;
  };
}
