/**
 * What a Disk does with names rather than with bytes. The same with and without the addon, because node:fs does it well.
 * Any thread that may block. Every failure throws DiskError.
 */
import { fstatSync, mkdirSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import type { FileHandle } from '../base/ports.js';
import { attempt } from './errno.js';

export function sizeOf(file: FileHandle, path: string): number {
  return attempt('fstat', path, () => fstatSync(file).size);
}

export function rename(from: string, to: string): void {
  attempt('rename', from, () => renameSync(from, to));
}

export function unlink(path: string): void {
  attempt('unlink', path, () => unlinkSync(path));
}

/** The names in a directory, sorted by UTF-16 code units. */
export function list(path: string): string[] {
  return attempt('readdir', path, () => readdirSync(path)).sort();
}

/** Makes the directory and those above it that are missing; one that exists is no error. */
export function makeDirectory(path: string): void {
  attempt('mkdir', path, () => mkdirSync(path, { recursive: true }));
}
