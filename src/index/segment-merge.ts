/**
 * Makes one segment of several neighbours: their streams come in the same order, so one pass over all of them does, with memory that doesn't
 * grow with their size. On a thread that may block.
 */
import { assert } from '../base/assert.js';
import { MergedStreams } from './merged-streams.js';
import { IndexDamage } from './page.js';
import { type FileAccess, openPagedFile, type PagedFile } from './paged-file.js';
import { decodeSegmentHeader, type SegmentHeader, type SegmentScope } from './segment-format.js';
import { SegmentScan } from './segment-scan.js';
import { type SegmentTarget, type SegmentWriter, writeSegment } from './segment-writer.js';

interface Input {
  readonly file: PagedFile;
  readonly header: SegmentHeader;
  readonly scan: SegmentScan;
}

/**
 * Makes the segment `target` of those at `paths`, oldest first, which must be neighbours of one log. Throws `IndexDamage` if one of them is
 * damaged, or `DiskError`; then there is no new file.
 */
export function mergeSegments(target: SegmentTarget, paths: readonly string[]): SegmentHeader {
  const inputs: Input[] = [];
  try {
    for (const path of paths) inputs.push(openInput(target, path));
    return writeSegment(target, mergedScope(inputs), (writer) => merge(inputs, writer));
  } finally {
    for (const { file } of inputs) file.close();
  }
}

function openInput(access: FileAccess, path: string): Input {
  const { file, header } = openPagedFile(access, path, decodeSegmentHeader);
  return { file, header, scan: new SegmentScan(file, header) };
}

function mergedScope(inputs: readonly Input[]): SegmentScope {
  const first = inputs[0]!.header;
  const last = inputs.at(-1)!.header;
  for (const [i, { header }] of inputs.entries()) {
    const before = inputs[i - 1]?.header;
    assert(before === undefined || header.firstChunk === before.lastChunk + 1, 'only neighbours are merged');
    const { low, high } = header.seed;
    assert(
      header.logId === first.logId && low === first.seed.low && high === first.seed.high,
      'all are of one index',
    );
  }
  const { logId, chunkSize, firstChunk, seed } = first;
  return {
    logId,
    chunkSize,
    firstChunk,
    seed,
    lastChunk: last.lastChunk,
    decided: last.decided,
    end: last.end,
  };
}

function merge(inputs: readonly Input[], writer: SegmentWriter): void {
  const streams = new MergedStreams(inputs.map(({ scan }) => scan));
  for (let having = streams.next(); having.length > 0; having = streams.next()) {
    writeStream(
      having.map((number) => inputs[number]!),
      writer,
    );
  }
}

/**
 * `having`: who has the stream, oldest first. What comes before a gap in its revisions is left out: a scavenge has removed it, or is about to, as it
 * takes the oldest events of a stream and has taken those of the gap.
 */
function writeStream(having: readonly Input[], writer: SegmentWriter): void {
  let from = 0;
  let next = 0;
  for (const [i, { scan, file }] of having.entries()) {
    const { first, count } = scan.entry;
    if (first < next) throw new IndexDamage(file.path, 'the revisions of a stream go back in it');
    if (first > next) from = i;
    next = first + count;
  }
  const { name, entry } = having[from]!.scan;
  const { last } = having.at(-1)!.scan.entry;
  writer.beginStream({ name, first: entry.first, count: next - entry.first, last });
  for (const { scan } of having.slice(from)) scan.events(writer);
  writer.endStream();
}
