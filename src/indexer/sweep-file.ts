/** The job of reading some pages of a file of the index, to find damage while nobody waits for them. On a thread that may block. */
import type { Bytes } from '../base/ports.js';
import { decodeEventIdsHeader } from '../index/event-ids.js';
import { IndexDamage } from '../index/page.js';
import { damagedPages } from '../index/page-sweep.js';
import { type FileAccess, openPagedFile, type PagedHeader } from '../index/paged-file.js';
import { decodeSegmentHeader } from '../index/segment-format.js';
import type { SweepJob } from './jobs.js';

/** Throws `IndexDamage` if one of them, or the header, is not as it was written. */
export function sweepFile(access: FileAccess, job: SweepJob, check: (() => void) | undefined): void {
  const { folder, name, content, firstPage, pages } = job;
  const path = `${folder}/${name}`;
  const decode: (page: Bytes) => PagedHeader | string =
    content === 'segment' ? decodeSegmentHeader : decodeEventIdsHeader;
  const { file } = openPagedFile(access, path, decode);
  try {
    for (const page of damagedPages(file, { from: firstPage, count: pages, check }))
      throw new IndexDamage(path, `the checksum of page ${page} is wrong`);
  } finally {
    file.close();
  }
}
