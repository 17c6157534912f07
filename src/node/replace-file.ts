/** Replaces a small file of the data folder as a whole, durably. Main thread; never blocks it. */
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** Rejects if it can't be done; then the old file is there still. */
export async function replaceFile(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporaryPath = join(folder, `${name}.tmp`);
  const file = await open(temporaryPath, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporaryPath, join(folder, name));
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
