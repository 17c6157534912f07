/** Which stream a row goes to, and which type and id its event gets, by the options of the import. Pure. */
import type { DecodedRow, FieldReader } from './row-decoder.js';
import { namedEventId } from './source-marks.js';

/** What the options say; of `streamBy` and `stream` exactly one is used: `streamBy` if it is there. */
export interface MappingOptions {
  readonly stream: string;
  readonly streamBy: string | undefined;
  readonly streamPrefix: string;
  /** The type, or that of rows without a field `typeBy`; undefined = such rows can't be imported. */
  readonly type: string | undefined;
  readonly typeBy: string | undefined;
  readonly idBy: string | undefined;
}

export type Mapped =
  | {
      readonly kind: 'mapped';
      readonly stream: string;
      readonly type: string;
      readonly id: string | undefined;
    }
  | { readonly kind: 'fault'; readonly reason: string };

/** docs/protocol.md: names of streams and types have 1 to 1024 bytes. */
const NAME_BYTES_MAX = 1024;

/** Makes the function that maps rows; `reader` finds the field at a path. */
export function rowMapping(
  options: MappingOptions,
  reader: (path: string) => FieldReader,
): (row: DecodedRow) => Mapped {
  const { streamBy, streamPrefix } = options;
  const oneStream = streamBy === undefined ? streamPrefix + options.stream : undefined;
  const streamName = nameOf(streamBy, oneStream, streamPrefix, reader);
  const typeName = nameOf(options.typeBy, options.type, '', reader);
  const idText = options.idBy === undefined ? undefined : nameOf(options.idBy, undefined, '', reader);
  return (row) => {
    const stream = streamName(row);
    if (stream.kind === 'fault') return stream;
    const type = typeName(row);
    if (type.kind === 'fault') return type;
    const id = idText?.(row);
    if (id?.kind === 'fault') return id;
    return { kind: 'mapped', stream: stream.name, type: type.name, id: id && idOf(stream.name, id.name) };
  };
}

type Name =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'fault'; readonly reason: string };

/** The name of a row by its field at `path`; without a path, or without that field, it is `otherwise`, if that is given. */
function nameOf(
  path: string | undefined,
  otherwise: string | undefined,
  prefix: string,
  reader: (path: string) => FieldReader,
): (row: DecodedRow) => Name {
  const fixed: Name | undefined = otherwise === undefined ? undefined : { kind: 'name', name: otherwise };
  if (path === undefined) return () => fixed ?? { kind: 'fault', reason: 'there is no name for it' };
  const read = reader(path);
  return (row) => {
    const value = read(row);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      if (value !== '') return checked(`${prefix}${value}`, path);
    }
    return fixed ?? { kind: 'fault', reason: `it has no text or number at "${path}"` };
  };
}

function checked(name: string, path: string): Name {
  // Half of a surrogate pair can't be written as UTF-8.
  if (/\p{Surrogate}/u.test(name))
    return { kind: 'fault', reason: `what it has at "${path}" is not valid text` };
  if (3 * name.length <= NAME_BYTES_MAX || Buffer.byteLength(name) <= NAME_BYTES_MAX)
    return { kind: 'name', name };
  return { kind: 'fault', reason: `what it has at "${path}" exceeds ${NAME_BYTES_MAX} bytes` };
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A UUID as it is, in lower case; anything else makes one. */
function idOf(stream: string, text: string): string {
  return UUID.test(text) ? text.toLowerCase() : namedEventId(stream, text);
}
