/**
 * An event on one line: JSON for programs, cells of a table for people. Pure. Data that is JSON is handed on character for
 * character, because a number that JavaScript can't hold would otherwise come out as another.
 */
import type { RecordedEvent } from '../../client/client.js';
import type { Column, Row } from '../inspect/output.js';

export const EVENT_COLUMNS: readonly Column[] = [
  { field: 'stream', title: 'STREAM', width: 24 },
  { field: 'revision', title: 'REVISION', width: 10, align: 'right' },
  { field: 'position', title: 'POSITION', width: 14, align: 'right' },
  { field: 'created', title: 'CREATED', width: 24 },
  { field: 'type', title: 'TYPE', width: 20 },
  { field: 'data', title: 'DATA', width: 0 },
];

/** As much as fits beside the other columns on a wide screen; `-o json` has it all. */
const SHOWN_DATA_CHARACTERS = 100;

const STRICT_DECODER = new TextDecoder('utf-8', { fatal: true });

/** A JSON object without the line's end: `stream, revision, position, id, type, created, data, metadata`. */
export function eventLine(event: RecordedEvent): string {
  const fields = [
    `"stream":${JSON.stringify(event.stream)}`,
    `"revision":${event.revision}`,
    `"position":${event.position}`,
    `"id":"${event.id}"`,
    `"type":${JSON.stringify(event.type)}`,
    `"created":"${event.created.toISOString()}"`,
    `"data":${event.isJson ? jsonOf(event.data) : base64(event.data)}`,
    `"metadata":${event.metadataLength === 0 ? 'null' : jsonOf(event.metadata)}`,
  ];
  return `{${fields.join(',')}}`;
}

/** A row of {@link EVENT_COLUMNS}. */
export function eventRow(event: RecordedEvent): Row {
  const { stream, revision, position, type } = event;
  return { stream, revision, position, created: event.created.toISOString(), type, data: shownData(event) };
}

/** JSON on one line as it was written, or base64 if it isn't JSON: the node takes the writer's word for that. */
function jsonOf(bytes: Uint8Array): string {
  try {
    const text = STRICT_DECODER.decode(bytes);
    JSON.parse(text);
    // Line ends in JSON stand between its parts only; inside a string they would be escaped.
    return text.replace(/[\r\n]+/g, ' ').trim();
  } catch {
    return base64(bytes);
  }
}

function base64(bytes: Uint8Array): string {
  return `{"base64":"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')}"}`;
}

function shownData(event: RecordedEvent): string {
  if (!event.isJson && !isText(event.data)) return `(${event.dataLength} bytes)`;
  const text = event.text();
  return text.length <= SHOWN_DATA_CHARACTERS ? text : `${text.slice(0, SHOWN_DATA_CHARACTERS - 1)}…`;
}

function isText(bytes: Uint8Array): boolean {
  try {
    STRICT_DECODER.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
