/** What `npm start` says once its cluster is healthy: where it is and what to try next. Pure. */
import { relative } from 'node:path';
import { DEFAULT_DIRECTORY } from './cluster/cluster-target.js';

/** The text, with a blank line around it. */
export function welcomeText(directory: string, names: readonly string[]): string {
  const folder = relative(process.cwd(), directory);
  const dir = folder === DEFAULT_DIRECTORY ? '' : ` --dir ${directory}`;
  const url = names[0] === '127.0.0.1:2113' ? '' : ` --url ws://${names[0]}`;
  return `
A Cairn cluster is running: ${names.join(', ')}. Its data and logs are in ${directory}.
Try next, in another terminal:

  npx cairn cluster kill leader${dir}          watch the others elect one of them
  npx cairn cluster start 1 2 3${dir}          it comes back, and follows
  npx cairn cluster pause leader${dir}         silent, not dead; resume 1 2 3 ends it
  npx cairn cluster partition 1${dir}          a node alone; heal ends it
  npx cairn cluster status${dir}

  npx cairn stream read flights-PHX --count 3${url}
  npx cairn stream append greetings --type Said --data '{"text":"hello"}'${url}
  npx cairn import node_modules/vega-datasets/data/flights-200k.json --type Flight${url}

README.md and docs/operating.md go on from here. Ctrl-C stops all nodes; every event that was acknowledged is on disk.
`;
}
