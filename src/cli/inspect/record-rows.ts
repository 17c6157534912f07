/**
 * `cairn inspect records`: one row for each record from a position on, through damage, which has rows of its own. Main thread.
 */
import type { Disk, RecordKernel } from '../../base/ports.js';
import { ChunkReader } from '../../log/chunk-reader.js';
import {
  type DecodedRecord,
  decodeRecord,
  type RecordBody,
  type RecordHeader,
} from '../../log/decoded-record.js';
import { occupiedBytes, type RecordTypeName, recordTypeName } from '../../log/record.js';
import { startState } from './chunk-rows.js';
import { type WalkStep, walkChunk } from './chunk-walk.js';
import type { FolderSurvey } from './folder-survey.js';
import type { Column, Row } from './output.js';

export const RECORD_COLUMNS: readonly Column[] = [
  { field: 'position', title: 'POSITION', width: 14, align: 'right' },
  { field: 'type', title: 'TYPE', width: 10 },
  { field: 'epoch', title: 'EPOCH', width: 6, align: 'right' },
  { field: 'length', title: 'LENGTH', width: 9, align: 'right' },
  { field: 'timestamp', title: 'TIMESTAMP', width: 24 },
  { field: 'revision', title: 'REVISION', width: 9, align: 'right' },
  { field: 'stream', title: 'STREAM', width: 24 },
  { field: 'eventType', title: 'EVENT TYPE', width: 20 },
  { field: 'detail', title: 'DETAIL', width: 0 },
];

export interface RecordFilter {
  /** Records that begin before this position are left out. */
  readonly from: number;
  /** Only records of this type; damage is shown whatever it hides. */
  readonly type: RecordTypeName | undefined;
}

/** The rows, from the chunk that holds `filter.from` to the last. Throws `DiskError`. */
export function* recordRows(
  disk: Disk,
  kernel: RecordKernel,
  survey: FolderSurvey,
  filter: RecordFilter,
): Generator<Row> {
  const { chunkSize } = survey;
  if (chunkSize === undefined) return;
  const reader = new ChunkReader({ disk, kernel }, chunkSize);
  try {
    for (const [i, chunk] of survey.chunks.entries()) {
      const start = chunk.chunkNumber * chunkSize;
      const range = { from: start, to: start + chunkSize };
      if (range.to <= filter.from) continue;
      if (!chunk.isReadable) {
        yield damageRow(start, chunk.problem ?? 'the chunk cannot be read');
        continue;
      }
      reader.open(chunk.path, start, range.from, range.to);
      const state = startState(chunk.chunkNumber, survey.chunks[i - 1]);
      for (const step of walkChunk(kernel, reader, range, state)) yield* rowsOf(step, filter);
    }
  } finally {
    reader.close();
  }
}

function* rowsOf(step: WalkStep, filter: RecordFilter): Generator<Row> {
  if (step.kind === 'damage') {
    if (step.to > filter.from || step.position >= filter.from)
      yield damageRow(step.position, step.reason, step);
    return;
  }
  if (step.position + step.length <= filter.from) return;
  const end = step.at + step.length;
  for (let at = step.at; at < end; ) {
    const record = decodeRecord(step.bytes, at);
    const { header } = record;
    at += occupiedBytes(header.length);
    if (header.position < filter.from) continue;
    const type = recordTypeName(header.type);
    if (filter.type === undefined || filter.type === type) yield recordRow(record);
  }
}

function recordRow({ header, body }: DecodedRecord): Row {
  return { ...headerFields(header), ...bodyFields(body) };
}

function headerFields(header: RecordHeader): Row {
  const { position, epoch, length, timestampUs, type } = header;
  const name = recordTypeName(type) ?? `type ${type}`;
  return { position, type: name, epoch, length, timestamp: new Date(timestampUs / 1000).toISOString() };
}

function bodyFields(body: RecordBody): Row {
  switch (body.kind) {
    case 'prepare': {
      const { stream, revision, eventType, eventId, transactionOffset, isFirst, isLast, isJson } = body;
      const transaction = isFirst && isLast ? 'whole' : isFirst ? 'first' : isLast ? 'last' : 'middle';
      const metadataBytes = body.metadata.length;
      const dataBytes = body.data.length;
      const detail = `${dataBytes} bytes of ${isJson ? 'JSON' : 'data'}${transaction === 'whole' ? '' : `, ${transaction} of its transaction`}`;
      return {
        ...{ stream, revision, eventType, eventId, transaction, transactionOffset, isJson },
        ...{ metadataBytes, dataBytes, detail },
      };
    }
    case 'draft': {
      const { transactionId, step, content } = body;
      const detail = `step ${step} of an open transaction, ${content.length} bytes`;
      return { transactionId, step, contentBytes: content.length, detail };
    }
    case 'commit':
      return { committed: body.committed, detail: `committed before ${body.committed}` };
    case 'epoch':
      return { instanceId: body.instanceId, detail: `leader ${body.instanceId}` };
    case 'membership':
      return { contentBytes: body.content.length, detail: `${body.content.length} bytes` };
    case 'removed':
      return { originalType: body.originalType, detail: `a ${body.originalType} record that was removed` };
    case 'padding':
      return { detail: 'fills the chunk' };
    case 'malformed':
      return { problem: body.reason, detail: `PROBLEM: ${body.reason}` };
  }
}

function damageRow(position: number, reason: string, step?: Extract<WalkStep, { kind: 'damage' }>): Row {
  const header = step?.header === undefined ? { position, type: 'damage' } : headerFields(step.header);
  const bytes = step === undefined ? null : step.to - step.position;
  return { ...header, problem: reason, damagedBytes: bytes, detail: `PROBLEM: ${reason}` };
}
