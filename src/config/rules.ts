/**
 * What must hold between options. Pure. A default that does not fit beside what the user asked for is lowered, so that
 * `--chunk-size 64KiB` alone works; what the user said is never changed, but refused with the way out.
 */

import { applyClusterRules, type Findings } from './cluster-rules.js';
import { isLoopback } from './loopback.js';
import type { OptionName, OptionValues } from './options.js';
import { formatSize } from './values.js';

type SizeName = 'MaxAppendSize' | 'MaxAppendEventSize' | 'RingSize' | 'ChunkSize';

/** `small` may be at most `large / divisor`. */
interface Fit {
  readonly small: SizeName;
  readonly large: SizeName;
  readonly divisor: 2 | 4;
}

/**
 * Several appends must overlap in the ring, and one must fit into what is left of a chunk or else into the next, Padding
 * included; an event shares its append with headers and names. In this order, because a default that was lowered is looked
 * at again as what others must fit into.
 */
const FITS: readonly Fit[] = [
  { small: 'MaxAppendSize', large: 'RingSize', divisor: 4 },
  { small: 'MaxAppendSize', large: 'ChunkSize', divisor: 4 },
  { small: 'MaxAppendEventSize', large: 'MaxAppendSize', divisor: 2 },
];

const SHARES = { 2: 'half', 4: 'a quarter' } as const;

/** Applies the rules to `values`, adapting defaults in place (`isDefault` says which values are). */
export function applyRules(values: OptionValues, isDefault: (name: OptionName) => boolean): Findings {
  const findings: Findings = { adjusted: new Map(), problems: [], warnings: [] };
  fitSizes(values, isDefault, findings);
  findings.problems.push(...addressProblems(values));
  findings.warnings.push(...addressWarnings(values));
  applyClusterRules(values, isDefault, findings);
  return findings;
}

function fitSizes(
  values: OptionValues,
  isDefault: (name: OptionName) => boolean,
  { adjusted, problems }: Findings,
): void {
  for (const { small, large, divisor } of FITS) {
    const most = values[large] / divisor;
    if (values[small] <= most) continue;
    if (isDefault(small)) {
      values[small] = most;
      adjusted.set(small, { kind: 'fits', option: large });
      continue;
    }
    const beside = adjusted.get(large)?.option;
    const because = beside === undefined ? '' : ` (to fit ${beside})`;
    problems.push(
      `${small} is ${formatSize(values[small])}, but ${large} is ${formatSize(values[large])}${because}: ` +
        `${small} may be at most ${SHARES[divisor]} of that, ${formatSize(most)}`,
    );
  }
}

function addressProblems({ NodeIp, Insecure }: OptionValues): string[] {
  if (Insecure || isLoopback(NodeIp)) return [];
  return [
    `NodeIp ${NodeIp} can be reached by others, and there is no encryption or authentication yet: ` +
      'say --insecure if that is what you want, or listen on 127.0.0.1',
  ];
}

function addressWarnings({ NodeIp, Insecure }: OptionValues): string[] {
  if (!Insecure || isLoopback(NodeIp)) return [];
  return [`Insecure: whoever can reach ${NodeIp} can read and write everything, unencrypted`];
}
