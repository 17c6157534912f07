/** What a row of the option table can be. Types only. */

/** What all options have. */
interface OptionBase {
  readonly group: OptionGroup;
  readonly help: string;
  /** Earlier EventStore spellings, PascalCase: accepted with a warning. */
  readonly aliases?: readonly string[];
  /** Never printed, not even by `--what-if`. */
  readonly secret?: true;
  /** Not shown in help or documentation. */
  readonly hidden?: true;
}

/**
 * Options of the group Application steer the command, those of the group Older are translated into others (rules.ts); all others make up
 * `NodeOptions`.
 */
export type OptionGroup =
  | 'Application'
  | 'Database'
  | 'Interface'
  | 'Cluster'
  | 'Limits'
  | 'Logging'
  | 'Older';

/** A whole number: of bytes (`size`, which also takes `256MiB`, `64k`) or of `unit` (`count`). */
export interface NumberSpec extends OptionBase {
  readonly kind: 'size' | 'count';
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  readonly multipleOf?: number;
  readonly powerOfTwo?: true;
}

export interface ChoiceSpec extends OptionBase {
  readonly kind: 'choice';
  readonly default: string;
  readonly choices: readonly string[];
  /** Other spellings of a choice, lower case → choice. */
  readonly spellings?: Readonly<Record<string, string>>;
}

export interface TextSpec extends OptionBase {
  /** A `path` is resolved against the working folder; an `address` is an IP address; a `host` is one or a host's name, or empty. */
  readonly kind: 'path' | 'address' | 'host';
  readonly default: string;
}

/** Any text in one line, of so many bytes of UTF-8, or none. */
export interface WordSpec extends OptionBase {
  readonly kind: 'text';
  readonly default: string;
  readonly bytesMax: number;
}

/** A mark of free disk space, as `space-mark.ts` has it. */
export interface SpaceSpec extends OptionBase {
  readonly kind: 'space';
  readonly default: string;
}

/** Addresses of nodes, `host:port`, with commas between them; in a YAML file a list does as well. */
export interface EndpointsSpec extends OptionBase {
  readonly kind: 'endpoints';
  readonly default: readonly [];
  readonly itemsMax: number;
}

export interface FlagSpec extends OptionBase {
  readonly kind: 'flag';
  readonly default: boolean;
}

export type OptionSpec = NumberSpec | ChoiceSpec | TextSpec | WordSpec | SpaceSpec | EndpointsSpec | FlagSpec;
