/** The classes in which the writer counts its batches by size. Pure. */

/** Bytes of records in the largest batch of each class but the last, which has no end. A batch may hold one small record, or a gigabyte. */
export const BATCH_SIZE_BOUNDS: readonly number[] = Array.from(
  { length: 23 },
  (_, index) => 128 * 2 ** index,
);
export const BATCH_SIZE_CLASSES = BATCH_SIZE_BOUNDS.length + 1;

/** The class of a batch with so many bytes of records, 1 or more. */
export function batchSizeClass(recordBytes: number): number {
  const doublings = 32 - Math.clz32((recordBytes - 1) / BATCH_SIZE_BOUNDS[0]!);
  return Math.min(doublings, BATCH_SIZE_CLASSES - 1);
}
