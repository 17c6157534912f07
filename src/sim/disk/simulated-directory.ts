/**
 * The names on the simulated disk: what a reader sees, what is durable, and the changes in between. Pure. Paths are flat strings; a
 * folder is whatever stands before the last slash. A crash keeps or loses each change by itself; a rename is atomic.
 */
import { DiskError } from '../../base/ports.js';
import { SimulatedFile } from './simulated-file.js';

type Change =
  | { readonly kind: 'create'; readonly path: string; readonly file: SimulatedFile }
  | { readonly kind: 'rename'; readonly from: string; readonly path: string; readonly file: SimulatedFile }
  | { readonly kind: 'unlink'; readonly path: string };

export class SimulatedDirectory {
  readonly #folders = new Set<string>();
  #files = new Map<string, SimulatedFile>();
  #durable = new Map<string, SimulatedFile>();
  #changes: Change[] = [];

  /** All files that have a name or may have one again after a crash; in the order of their names. */
  files(): SimulatedFile[] {
    const files = new Set<SimulatedFile>();
    for (const path of this.paths()) files.add(this.#files.get(path)!);
    for (const path of [...this.#durable.keys()].sort()) files.add(this.#durable.get(path)!);
    for (const change of this.#changes) if (change.kind !== 'unlink') files.add(change.file);
    return [...files];
  }

  /** All names, sorted. */
  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  copyFrom(other: SimulatedDirectory): void {
    const copies = new Map(other.files().map((file) => [file, file.clone()]));
    const copied = (files: Map<string, SimulatedFile>) =>
      new Map([...files].map(([path, file]) => [path, copies.get(file)!]));
    for (const folder of other.#folders) this.#folders.add(folder);
    this.#files = copied(other.#files);
    this.#durable = copied(other.#durable);
    this.#changes = other.#changes.map((change) =>
      change.kind === 'unlink' ? change : { ...change, file: copies.get(change.file)! },
    );
  }

  get(path: string, syscall: string): SimulatedFile {
    const file = this.#files.get(path);
    if (file === undefined) throw new DiskError('ENOENT', syscall, path);
    return file;
  }

  /** 0 if there is no such file. */
  lengthOf(path: string): number {
    return this.#files.get(path)?.length ?? 0;
  }

  /** Whether the file has this name for good. */
  isDurable(path: string): boolean {
    const file = this.#files.get(path);
    return file !== undefined && this.#durable.get(path) === file;
  }

  create(path: string): SimulatedFile {
    if (this.#files.has(path)) throw new DiskError('EEXIST', 'open', path);
    if (!this.#folders.has(folderOf(path))) throw new DiskError('ENOENT', 'open', path);
    const file = new SimulatedFile();
    this.#change({ kind: 'create', path, file });
    return file;
  }

  rename(from: string, to: string): void {
    this.#change({ kind: 'rename', from, path: to, file: this.get(from, 'rename') });
  }

  unlink(path: string): void {
    this.get(path, 'unlink');
    this.#change({ kind: 'unlink', path });
  }

  makeFolder(path: string): void {
    this.#folders.add(path);
  }

  /** The names in a folder, sorted. */
  list(folder: string): string[] {
    if (!this.#folders.has(folder)) throw new DiskError('ENOENT', 'scandir', folder);
    const prefix = `${folder}/`;
    const names = [...this.#files.keys()].filter((path) => path.startsWith(prefix));
    return names.map((path) => path.slice(prefix.length)).sort();
  }

  /** Makes the changes in a folder durable. A rename counts to where it ends; nobody renames from folder to folder. */
  sync(folder: string): void {
    const isHere = (change: Change) => folderOf(change.path) === folder;
    for (const change of this.#changes) if (isHere(change)) apply(this.#durable, change);
    this.#changes = this.#changes.filter((change) => !isHere(change));
  }

  /** Each change since its folder's last sync happened or did not, as `isKept` says. */
  crash(isKept: () => boolean): void {
    for (const change of this.#changes) if (isKept()) apply(this.#durable, change);
    this.#changes = [];
    this.#files = new Map(this.#durable);
  }

  #change(change: Change): void {
    apply(this.#files, change);
    this.#changes.push(change);
  }
}

function apply(files: Map<string, SimulatedFile>, change: Change): void {
  // A name that a lost change would have given to another file stays with that one.
  if (change.kind === 'rename' && files.get(change.from) === change.file) files.delete(change.from);
  if (change.kind === 'unlink') files.delete(change.path);
  else files.set(change.path, change.file);
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
