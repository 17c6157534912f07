import { expect, test } from 'vitest';
import { probeDisk } from '../../bench/probe.js';
import type { Disk, OpenOptions } from '../../src/base/ports.js';

test('with fdatasync every probe write is synced before the next', () => {
  const disk = new RecordingDisk();
  const result = probeDisk(disk.port(), '/folder', 'fdatasync');
  expect(result).toMatchObject({ diskKind: 'simulated', syncMode: 'fdatasync' });
  expect(result.probe4kP50Us).toBeGreaterThanOrEqual(0);
  const probing = disk.calls.slice(disk.calls.indexOf('sync') + 1).filter((call) => call !== 'close');
  expect(probing[0]).toBe('open write direct');
  expect(probing.slice(1, 5)).toEqual(['write 4096', 'syncData', 'write 4096', 'syncData']);
  expect(probing.slice(-3)).toEqual(['write 1048576', 'syncData', 'unlink']);
});

test('with dsync the descriptor makes the writes durable and nothing else is synced', () => {
  const disk = new RecordingDisk();
  probeDisk(disk.port(), '/folder', 'dsync');
  expect(disk.calls).toContain('open write direct dsync');
  expect(disk.calls).not.toContain('syncData');
});

test('a disk that fails leaves no file behind', () => {
  const disk = new RecordingDisk();
  const port = {
    ...disk.port(),
    allocate: () => {
      throw new Error('full');
    },
  };
  expect(() => probeDisk(port, '/folder', 'dsync')).toThrow('full');
  expect(disk.calls).toContain('unlink');
});

/** A disk that only notes what it is asked for. */
class RecordingDisk {
  readonly calls: string[] = [];

  port(): Disk {
    const note = (call: string) => {
      this.calls.push(call);
    };
    const port = {
      kind: 'simulated' as const,
      alignmentBytes: 4096,
      open: (_path: string, { access, direct, dsync }: OpenOptions) => {
        note(`open ${access}${direct ? ' direct' : ''}${dsync ? ' dsync' : ''}`);
        return 1;
      },
      close: () => note('close'),
      write: (_file: number, _source: Uint8Array, _at: number, length: number) => note(`write ${length}`),
      allocate: () => note('allocate'),
      syncData: () => note('syncData'),
      sync: () => note('sync'),
      unlink: () => note('unlink'),
      alignedBuffer: (length: number) => new Uint8Array(length),
    };
    return port as Partial<Disk> as Disk;
  }
}
