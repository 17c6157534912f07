/**
 * An open file of pages: its header is read and checked, the rest is read page by page by others (page-cache.ts, paged-scan.ts). On a
 * thread that may block.
 */
import { type Bytes, type Disk, DiskError, type FileHandle, type RecordKernel } from '../base/ports.js';
import { IndexDamage, PAGE_BYTES, PageChecks } from './page.js';

/** What reading a file takes. */
export interface FileAccess {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
}

export class PagedFile {
  readonly disk: Disk;
  readonly path: string;
  readonly handle: FileHandle;
  readonly checks: PageChecks;
  /** How many pages it has, as its header says. */
  readonly pageCount: number;
  /** Which of its pages are in the page cache: page → frame. */
  readonly frames = new Map<number, number>();

  constructor(
    disk: Disk,
    path: string,
    handle: FileHandle,
    parts: { checks: PageChecks; pageCount: number },
  ) {
    this.disk = disk;
    this.path = path;
    this.handle = handle;
    this.checks = parts.checks;
    this.pageCount = parts.pageCount;
  }

  close(): void {
    this.disk.close(this.handle);
  }
}

/** What a header page says about its file. */
export interface PagedHeader {
  readonly salt: number;
  readonly pageCount: number;
}

/**
 * Opens the file at `path`, whose header page `decode` understands; a string says why it doesn't. Throws `IndexDamage` if the file is
 * missing, can't be read, or is not what its header says.
 */
export function openPagedFile<Header extends PagedHeader>(
  { disk, kernel }: FileAccess,
  path: string,
  decode: (page: Bytes) => Header | string,
): { readonly file: PagedFile; readonly header: Header } {
  let handle: FileHandle | undefined;
  try {
    handle = disk.open(path, { access: 'read' });
    const page: Bytes = new Uint8Array(PAGE_BYTES);
    const got = disk.read(handle, page, 0, PAGE_BYTES, 0);
    const header = readHeader(page, got, kernel, decode);
    if (typeof header === 'string') throw new IndexDamage(path, header);
    if (disk.sizeOf(handle) !== header.pageCount * PAGE_BYTES)
      throw new IndexDamage(path, 'it has another length');
    const parts = { checks: new PageChecks(kernel, header.salt), pageCount: header.pageCount };
    return { file: new PagedFile(disk, path, handle, parts), header };
  } catch (error) {
    if (handle !== undefined) disk.close(handle);
    throw error instanceof DiskError ? new IndexDamage(path, error.message) : error;
  }
}

function readHeader<Header>(
  page: Bytes,
  length: number,
  kernel: RecordKernel,
  decode: (page: Bytes) => Header | string,
): Header | string {
  if (length < PAGE_BYTES) return 'it is too short';
  // The salt of the others stands in the header: its own is 0.
  if (!new PageChecks(kernel, 0).isIntact(page, 0, 0)) return 'the checksum of its header is wrong';
  return decode(page);
}

/**
 * Makes the file at `path`, whole and durable: `write` fills it and returns its header page. Removes it if that fails. Throws `DiskError`. Past the
 * page cache: a sync of megabytes at once would hold up the log's own for as long as those take.
 */
export function makePagedFile(
  { disk, kernel }: FileAccess,
  path: string,
  salt: number,
  write: (file: FileHandle, checks: PageChecks) => Bytes,
): void {
  const file = disk.open(path, { access: 'create-new', direct: true });
  let isMade = false;
  try {
    const header = disk.alignedBuffer(PAGE_BYTES);
    header.set(write(file, new PageChecks(kernel, salt)));
    new PageChecks(kernel, 0).seal(header, 0, 0);
    disk.write(file, header, 0, PAGE_BYTES, 0);
    disk.sync(file);
    isMade = true;
  } finally {
    disk.close(file);
    if (!isMade) disk.unlink(path);
  }
  disk.syncDirectory(path.slice(0, path.lastIndexOf('/')));
}
