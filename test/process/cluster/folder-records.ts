/** The records in a data folder that no node uses, in a form in which folders can be compared: what is removed is known by what it stands for. */

import { startState } from '../../../src/cli/inspect/chunk-rows.js';
import { type WalkStep, walkChunk } from '../../../src/cli/inspect/chunk-walk.js';
import { surveyFolder } from '../../../src/cli/inspect/folder-survey.js';
import { ChunkReader } from '../../../src/log/chunk-reader.js';
import { decodeRecord } from '../../../src/log/decoded-record.js';
import { occupiedBytes, recordTypeName } from '../../../src/log/record.js';
import { openPlatform } from '../../../src/native/platform.js';

export interface FolderRecords {
  /** A line for each, in the order of the log. */
  readonly lines: readonly string[];
  /** How many of them stand for removed ones. */
  readonly removed: number;
}

/** All that end at `end` or before it. Damage has a line as well. */
export function readRecords(folder: string, end: number): FolderRecords {
  const { disk, kernel } = openPlatform();
  const { chunks, chunkSize } = surveyFolder(disk, folder);
  if (chunkSize === undefined) return { lines: ['no chunk can be read'], removed: 0 };
  const reader = new ChunkReader({ disk, kernel }, chunkSize);
  const lines: string[] = [];
  try {
    for (const [i, { chunkNumber, path }] of chunks.entries()) {
      const start = chunkNumber * chunkSize;
      if (start >= end) break;
      const range = { from: start, to: start + chunkSize };
      reader.open(path, start, range.from, range.to);
      for (const step of walkChunk(kernel, reader, range, startState(chunkNumber, chunks[i - 1])))
        lines.push(...linesOf(step, end));
    }
  } finally {
    reader.close();
  }
  return { lines, removed: lines.filter((line) => line.startsWith('removed')).length };
}

/** Where two folders part, in words; undefined if they are the same. */
export function findRecordDifference(a: FolderRecords, b: FolderRecords): string | undefined {
  const count = Math.max(a.lines.length, b.lines.length);
  let different = 0;
  let first: string | undefined;
  for (let i = 0; i < count; i++) {
    if (a.lines[i] === b.lines[i]) continue;
    different++;
    first ??= `"${a.lines[i] ?? 'nothing'}" and "${b.lines[i] ?? 'nothing'}"`;
  }
  return first === undefined ? undefined : `${different} of ${count} records, first ${first}`;
}

function linesOf(step: WalkStep, end: number): string[] {
  if (step.kind === 'damage') return [`damage from ${step.position} to ${step.to}: ${step.reason}`];
  const lines: string[] = [];
  for (let at = step.at; at < step.at + step.length; ) {
    const { header, body } = decodeRecord(step.bytes, at);
    const { position, length, epoch, type } = header;
    at += occupiedBytes(length);
    if (position + occupiedBytes(length) > end) break;
    const place = `at ${position}, ${length} bytes, epoch ${epoch}`;
    lines.push(
      body.kind === 'removed'
        ? `removed ${body.originalType} ${place}, crc ${body.originalCrc}`
        : `${recordTypeName(type) ?? type} ${place}, crc ${header.crc}`,
    );
  }
  return lines;
}
