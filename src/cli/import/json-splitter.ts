/**
 * Finds the elements of one array in a JSON document, without parsing them: the array that is the document, or the one that a
 * path of property names leads to. Pure; see row-splitter.ts for what always holds. Properties off the path are stepped over.
 */
import { BYTE, isSpace } from './json-bytes.js';
import type { RowSplitter, SplitFault } from './row-splitter.js';
import { ValueScanner } from './value-scanner.js';

/** What is expected next, or what the present byte is in. */
type State =
  | 'document'
  | 'first-key'
  | 'key'
  | 'in-key'
  | 'colon'
  | 'value'
  | 'first-of-skipped-array'
  | 'in-skipped-value'
  | 'behind-value'
  | 'first-row'
  | 'row'
  | 'in-row'
  | 'behind-row'
  | 'end';

/** An array among the properties of the outermost object. */
export interface ArrayProperty {
  readonly name: string;
  isOfObjects: boolean;
}

/** A longer name is no name that somebody types. */
const KEY_BYTES_MAX = 1024;
/** How many arrays are remembered, to name them in an error. */
const ARRAYS_MAX = 16;

export class JsonSplitter implements RowSplitter {
  readonly hasHeader = false;
  fault: SplitFault | undefined;
  /** What the document is, once its first byte was seen. */
  document: 'array' | 'object' | undefined;
  /** The arrays that were stepped over, the first ones. */
  readonly arrays: ArrayProperty[] = [];

  readonly #value = new ValueScanner();
  #state: State = 'document';
  /** How many objects are open around the present byte: those on the path, no others. */
  #depth = 0;
  #keyBytes: number[] = [];
  #isKeyEscaped = false;
  #key = '';
  #isArrayFound = false;

  /** `path` leads to the array: `[]` = the document itself; `undefined` = to none, which only fills {@link arrays}. */
  constructor(private readonly path: readonly string[] | undefined) {}

  scan(bytes: Buffer, from: number, end: number, ranges: number[]): number {
    let rowStart = 0;
    let at = from;
    while (at < end && this.fault === undefined) {
      if (this.#state === 'in-row' || this.#state === 'in-skipped-value') {
        const behind = this.#value.scan(bytes, at, end);
        if (behind === -1) break;
        if (this.#state === 'in-row') ranges.push(rowStart, behind);
        this.#state = this.#state === 'in-row' ? 'behind-row' : 'behind-value';
        at = behind;
      } else {
        rowStart = at;
        at = this.#step(bytes[at]!, at);
      }
    }
    return this.#state === 'in-row' ? rowStart : end;
  }

  finish(_bytes: Buffer, end: number): void {
    if (this.fault !== undefined || this.#state === 'end') return;
    this.#fail(end, this.#state === 'document' ? 'there is nothing in it' : 'the document ends too early');
  }

  /** Takes one byte outside of rows and skipped values; returns the index to go on at. */
  #step(byte: number, at: number): number {
    if (this.#state === 'in-key') this.#stepKey(byte, at);
    else if (this.#state === 'first-of-skipped-array' && !isSpace(byte)) {
      this.arrays.at(-1)!.isOfObjects = byte === BYTE.openBrace;
      this.#state = 'in-skipped-value';
      return at;
    } else if (!isSpace(byte)) this.#stepToken(byte, at);
    return at + 1;
  }

  #stepToken(byte: number, at: number): void {
    switch (this.#state) {
      case 'document':
        this.#openDocument(byte, at);
        break;
      case 'first-key':
      case 'key':
        if (byte === BYTE.closeBrace && this.#state === 'first-key') this.#closeObject(at);
        else if (byte === BYTE.quote) this.#state = 'in-key';
        else this.#fail(at, 'expected a property name');
        break;
      case 'colon':
        if (byte === BYTE.colon) this.#state = 'value';
        else this.#fail(at, 'expected ":" behind a property name');
        break;
      case 'value':
        this.#openValue(byte, at);
        break;
      case 'behind-value':
        if (byte === BYTE.comma) this.#state = 'key';
        else if (byte === BYTE.closeBrace) this.#closeObject(at);
        else this.#fail(at, 'expected "," or "}" behind a property');
        break;
      case 'first-row':
      case 'row':
        if (byte === BYTE.closeBracket && this.#state === 'first-row') this.#closeArray();
        else this.#openRow(byte, at);
        break;
      case 'behind-row':
        if (byte === BYTE.comma) this.#state = 'row';
        else if (byte === BYTE.closeBracket) this.#closeArray();
        else this.#fail(at, 'expected "," or "]" behind a row');
        break;
      default:
        this.#fail(at, 'something follows the end of the document; one JSON value a line is --format ndjson');
    }
  }

  #openDocument(byte: number, at: number): void {
    this.document = byte === BYTE.openBracket ? 'array' : byte === BYTE.openBrace ? 'object' : undefined;
    if (this.document === undefined) this.#fail(at, 'the document is neither an array nor an object');
    else if (this.path === undefined) this.#openUnmapped();
    else if (this.document === 'array') {
      if (this.path.length === 0) this.#openArray(at);
      else
        this.#fail(
          at,
          'the document is an array, so there is no property to take rows from; leave out --rows',
        );
    } else if (this.path.length === 0) {
      this.#fail(
        at,
        'the document is an object, not an array; say with --rows which of its properties holds the rows',
      );
    } else this.#openObject();
  }

  /** Without a path only an object is of interest. */
  #openUnmapped(): void {
    if (this.document === 'object') this.#openObject();
    else this.#state = 'end';
  }

  #openObject(): void {
    this.#depth++;
    this.#state = 'first-key';
  }

  #closeObject(at: number): void {
    this.#depth--;
    this.#state = this.#depth === 0 ? 'end' : 'behind-value';
    if (this.#depth > 0 || this.path === undefined || this.#isArrayFound) return;
    const names = this.arrays.map(({ name }) => name).join(', ');
    const hint = names === '' ? '' : `; the arrays of its outermost object are: ${names}`;
    this.#fail(at, `the document has no "${this.path.join('.')}"${hint}`);
  }

  #stepKey(byte: number, at: number): void {
    if (byte === BYTE.quote && !this.#isKeyEscaped) {
      this.#state = 'colon';
      this.#key = this.#takeKey(at);
      return;
    }
    this.#isKeyEscaped = byte === BYTE.backslash && !this.#isKeyEscaped;
    if (this.#keyBytes.length === KEY_BYTES_MAX)
      this.#fail(at, `a property name exceeds ${KEY_BYTES_MAX} bytes`);
    else this.#keyBytes.push(byte);
  }

  #takeKey(at: number): string {
    const text = Buffer.from(this.#keyBytes).toString();
    this.#keyBytes = [];
    try {
      return JSON.parse(`"${text}"`) as string;
    } catch {
      this.#fail(at, 'a property name is not valid JSON');
      return '';
    }
  }

  #openValue(byte: number, at: number): void {
    const isOnPath = this.path !== undefined && this.#key === this.path[this.#depth - 1];
    if (isOnPath && this.#depth < this.path.length) {
      if (byte === BYTE.openBrace) this.#openObject();
      else this.#fail(at, `"${this.#key}" is not an object`);
    } else if (isOnPath) {
      if (byte === BYTE.openBracket) this.#openArray(at);
      else this.#fail(at, `"${this.#key}" is not an array`);
    } else this.#skipValue(byte, at);
  }

  #skipValue(byte: number, at: number): void {
    if (!startsValue(byte)) {
      this.#fail(at, `expected a value for "${this.#key}"`);
      return;
    }
    this.#value.begin(byte);
    const isListed = byte === BYTE.openBracket && this.#depth === 1 && this.arrays.length < ARRAYS_MAX;
    if (isListed) this.arrays.push({ name: this.#key, isOfObjects: false });
    this.#state = isListed ? 'first-of-skipped-array' : 'in-skipped-value';
  }

  #openArray(at: number): void {
    if (this.#isArrayFound) this.#fail(at, `"${this.#key}" occurs twice`);
    this.#isArrayFound = true;
    this.#state = 'first-row';
  }

  #closeArray(): void {
    this.#state = this.#depth === 0 ? 'end' : 'behind-value';
  }

  #openRow(byte: number, at: number): void {
    if (!startsValue(byte)) {
      this.#fail(at, 'expected a row');
      return;
    }
    this.#value.begin(byte);
    this.#state = 'in-row';
  }

  #fail(at: number, reason: string): void {
    this.fault = { at, reason };
  }
}

/** Whether a value may start with this byte, as far as splitting depends on it. */
function startsValue(byte: number): boolean {
  return byte !== BYTE.comma && byte !== BYTE.colon && byte !== BYTE.closeBracket && byte !== BYTE.closeBrace;
}
