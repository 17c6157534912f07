/**
 * What must hold between options. Pure. A default that does not fit beside what the user asked for is lowered, so that
 * `--chunk-size 64KiB` alone works; what the user said is never changed, but refused with the way out.
 */
import { BlockList, isIPv6 } from 'node:net';
import type { OptionName, OptionValues } from './options.js';
import { formatSize } from './values.js';

type SizeName = 'MaxAppendSize' | 'MaxAppendEventSize' | 'RingSize' | 'ChunkSize';

interface Fit {
  readonly small: SizeName;
  readonly large: SizeName;
  /** The most that `small` may be when `large` has this value. */
  readonly limit: (large: number) => number;
  readonly inWords: string;
}

/** Room for what surrounds an event in a frame or a record: headers, and a stream's name of at most 1024 bytes. */
const ENVELOPE_BYTES = 4096;

/** In this order, because the second looks at what the first has lowered. */
const FITS: readonly Fit[] = [
  {
    small: 'MaxAppendSize',
    large: 'RingSize',
    limit: (ringSize) => ringSize / 4,
    inWords: 'a quarter of RingSize',
  },
  {
    small: 'MaxAppendEventSize',
    large: 'MaxAppendSize',
    limit: (appendSize) => appendSize - ENVELOPE_BYTES,
    inWords: 'MaxAppendSize less 4 KiB',
  },
  {
    small: 'MaxAppendEventSize',
    large: 'ChunkSize',
    limit: (chunkSize) => chunkSize - ENVELOPE_BYTES,
    inWords: 'ChunkSize less 4 KiB',
  },
];

/** A default that was lowered, and to fit beside what. */
export interface Lowered {
  readonly name: OptionName;
  readonly beside: OptionName;
}

/** Applies the rules to `values`, lowering defaults in place (`isDefault` says which values are). */
export function applyRules(
  values: OptionValues,
  isDefault: (name: OptionName) => boolean,
): { readonly lowered: Lowered[]; readonly problems: string[]; readonly warnings: string[] } {
  const lowered: Lowered[] = [];
  const problems: string[] = [];
  for (const { small, large, limit, inWords } of FITS) {
    const most = limit(values[large]);
    if (values[small] <= most) continue;
    if (isDefault(small)) {
      values[small] = most;
      lowered.push({ name: small, beside: large });
    } else {
      const given = `${small} is ${formatSize(values[small])}, but ${large} is ${formatSize(values[large])}`;
      problems.push(`${given}: ${small} may be at most ${inWords}, ${formatSize(most)}`);
    }
  }
  const warnings: string[] = [];
  if (values.Insecure && !isLoopback(values.NodeIp)) {
    warnings.push(`Insecure: whoever can reach ${values.NodeIp} can read and write everything, unencrypted`);
  } else if (!isLoopback(values.NodeIp)) {
    problems.push(
      `NodeIp ${values.NodeIp} can be reached by others, and there is no encryption or authentication yet: ` +
        'say --insecure if that is what you want, or listen on 127.0.0.1',
    );
  }
  return { lowered, problems, warnings };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only this machine can reach the address. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
