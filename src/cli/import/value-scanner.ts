/**
 * Finds where one JSON value ends, over any number of buffers, by strings and brackets alone: whether what lies between is
 * valid, JSON.parse says later. Pure; main thread. What always holds: memory does not grow with the value.
 */
import { BYTE } from './json-bytes.js';

export class ValueScanner {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isScalar = false;

  /** Starts a value whose first byte is `first`; {@link scan} goes on from the byte behind it. */
  begin(first: number): void {
    this.#isInString = first === BYTE.quote;
    this.#isEscaped = false;
    const isContainer = first === BYTE.openBrace || first === BYTE.openBracket;
    this.#depth = isContainer ? 1 : 0;
    this.#isScalar = !isContainer && !this.#isInString;
  }

  /** The index behind the value's last byte, or −1 if the value goes on behind `end`. */
  scan(bytes: Uint8Array, from: number, end: number): number {
    if (this.#isScalar) return scanScalar(bytes, from, end);
    let at = from;
    while (at < end) {
      at = this.#isInString ? this.#scanString(bytes, at, end) : this.#scanBrackets(bytes, at, end);
      if (this.#depth === 0 && !this.#isInString) return at;
    }
    return -1;
  }

  /** To behind the closing quote, or to `end`. */
  #scanString(bytes: Uint8Array, from: number, end: number): number {
    let at = this.#isEscaped ? from + 1 : from;
    this.#isEscaped = false;
    while (at < end) {
      const byte = bytes[at++]!;
      if (byte === BYTE.quote) {
        this.#isInString = false;
        return at;
      }
      if (byte === BYTE.backslash) at++;
    }
    // A backslash was the last byte: what it escapes comes with the next buffer.
    this.#isEscaped = at > end;
    return end;
  }

  /** To behind an opening quote, behind the bracket that closes the value, or to `end`. */
  #scanBrackets(bytes: Uint8Array, from: number, end: number): number {
    let depth = this.#depth;
    let at = from;
    while (at < end) {
      const byte = bytes[at++]!;
      if (byte === BYTE.quote) {
        this.#isInString = true;
        break;
      }
      if (byte === BYTE.openBrace || byte === BYTE.openBracket) depth++;
      else if ((byte === BYTE.closeBrace || byte === BYTE.closeBracket) && --depth === 0) break;
    }
    this.#depth = depth;
    return at;
  }
}

/** A number or a word ends before white space, a comma or a bracket. */
function scanScalar(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!;
    const isEnd =
      byte <= BYTE.space || byte === BYTE.comma || byte === BYTE.closeBracket || byte === BYTE.closeBrace;
    if (isEnd) return at;
  }
  return -1;
}
