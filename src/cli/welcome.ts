/** What `npm start` says once its node listens: where it is and what to try next. Pure. */
import type { NodeOptions } from '../config/options.js';

/** The text, with a blank line around it. */
export function welcomeText(
  addresses: { readonly client: string; readonly http: string },
  options: NodeOptions,
): string {
  const url = options.nodePort === 2113 && options.nodeIp === '127.0.0.1' ? '' : ` --url ${addresses.client}`;
  return `
A Cairn node is running.

  clients   ${addresses.client}
  HTTP      ${addresses.http}
  data      ${options.db}

Try next, in another terminal:

  npx cairn stream append greetings --type Said --data '{"text":"hello"}'${url}
  npx cairn stream read greetings${url}
  npx cairn import node_modules/vega-datasets/data/flights-5k.json --stream-by origin --type Flight${url}
  npx cairn stream read '$all' --backwards --count 5 -o json${url}
  npm run bench

README.md goes on from here. Ctrl-C stops the node; every event that was acknowledged is on disk.

`;
}
