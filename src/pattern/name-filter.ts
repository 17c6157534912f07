/**
 * Whether an event's names fit a filter: rules about its stream and its type, all of which must hold. Pure, any thread. Works on the bytes of UTF-8, where
 * they lie.
 */
import { Matcher } from './matcher.js';

/** A rule holds if any of its patterns fits. */
export interface NameRule {
  readonly field: 'stream' | 'type';
  readonly kind: 'prefix' | 'regex';
  readonly patterns: readonly string[];
}

/** Where an event's names are. */
export interface EventNames {
  readonly bytes: Uint8Array;
  streamAt: number;
  streamBytes: number;
  typeAt: number;
  typeBytes: number;
}

interface NamePattern {
  /** Steps taken since it was made. */
  readonly work: number;
  matches(bytes: Uint8Array, at: number, length: number): boolean;
}

interface Rule {
  readonly isOfStream: boolean;
  readonly patterns: readonly NamePattern[];
}

export class NameFilter {
  readonly #rules: readonly Rule[];

  /** Throws `CairnError` `invalid-filter`. */
  constructor(rules: readonly NameRule[]) {
    this.#rules = rules.map(({ field, kind, patterns }) => ({
      isOfStream: field === 'stream',
      patterns: patterns.map((pattern) => (kind === 'prefix' ? new Prefix(pattern) : new Matcher(pattern))),
    }));
  }

  /** Steps taken since it was made, some nanoseconds each: for whoever must not take too many at a time. */
  get work(): number {
    let work = 0;
    for (const { patterns } of this.#rules) for (const pattern of patterns) work += pattern.work;
    return work;
  }

  matches({ bytes, streamAt, streamBytes, typeAt, typeBytes }: EventNames): boolean {
    for (const { isOfStream, patterns } of this.#rules) {
      const at = isOfStream ? streamAt : typeAt;
      const length = isOfStream ? streamBytes : typeBytes;
      if (!patterns.some((pattern) => pattern.matches(bytes, at, length))) return false;
    }
    return true;
  }
}

const TEXT_ENCODER = new TextEncoder();

class Prefix implements NamePattern {
  work = 0;
  readonly #prefix: Uint8Array;

  constructor(prefix: string) {
    this.#prefix = TEXT_ENCODER.encode(prefix);
  }

  matches(bytes: Uint8Array, at: number, length: number): boolean {
    const prefix = this.#prefix;
    this.work++;
    if (length < prefix.length) return false;
    for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
    return true;
  }
}
