/** How what came of a backup command is told, to people and to programs. Pure. */
import type { CreatedBackup } from '../../backup/create-backup.js';
import type { RestoredBackup } from '../../backup/restore-backup.js';
import type { VerifiedBackups } from '../../backup/verify-backup.js';
import type { Row } from '../inspect/output.js';
import { megabytes } from './backup-progress.js';

/** What is printed on standard output: for people, and for programs. */
export interface Told {
  readonly lines: readonly string[];
  readonly rows: readonly Row[];
}

export function tellCreated(created: CreatedBackup, to: string, seconds: number): Told {
  const { kind, name, logId, end, chunks, chunksCopied, bytesCopied, records } = created;
  const { position, epoch } = end;
  const place = `position ${position}, epoch ${epoch}`;
  const effort = `${counted(chunksCopied, 'chunk')} of ${chunks} copied, ${megabytes(bytesCopied)} in ${seconds.toFixed(1)} s`;
  const lines =
    kind === 'unchanged'
      ? [`nothing new since ${name} (${place})`]
      : [`${name} is complete: up to ${place}, ${counted(records, 'record')}`, effort];
  const facts = { kind, backup: name, folder: to, logId, position, epoch, chunks, chunksCopied, bytesCopied };
  return { lines, rows: [{ ...facts, records, seconds: rounded(seconds) }] };
}

export function tellVerified(verified: VerifiedBackups, seconds: number): Told {
  const { backups, files, bytes, problems } = verified;
  const found = problems.map(
    ({ backup, file, offset, position, reason }) =>
      `${backup}: ${file} (offset ${offset}, position ${position}): ${reason}`,
  );
  const each = backups.map(({ name, madeAt, end, records, isSound }) => {
    const place = `made ${madeAt}, up to position ${end.position}, epoch ${end.epoch}`;
    return `${name}: ${isSound ? 'sound' : 'DAMAGED'}; ${place}, ${counted(records, 'record')}`;
  });
  const damage = problems.length === 0 ? 'no damage' : counted(problems.length, 'problem');
  const summary = `${counted(files, 'file')}, ${megabytes(bytes)} verified in ${seconds.toFixed(1)} s: ${damage}`;
  const rows: Row[] = [
    ...problems.map((problem) => ({ kind: 'problem', ...problem })),
    ...backups.map(({ name, madeAt, logId, end, chunks, records, isSound }) => {
      const { position, epoch } = end;
      return { kind: 'backup', backup: name, isSound, madeAt, logId, position, epoch, chunks, records };
    }),
    {
      kind: 'summary',
      clean: problems.length === 0,
      problems: problems.length,
      backups: backups.length,
      files,
      bytes,
      seconds: rounded(seconds),
    },
  ];
  return { lines: [...found, ...each, summary], rows };
}

export function tellRestored(restored: RestoredBackup, seconds: number): Told {
  const { name, folder, oldLogId, logId, end, chunks, records, bytes } = restored;
  const { position, epoch } = end;
  const lines = [
    `${name} is restored into ${folder}: up to position ${position}, epoch ${epoch}, ${counted(records, 'record')}`,
    `${megabytes(bytes)} verified and copied in ${seconds.toFixed(1)} s`,
    `It is the log of a new cluster, ${logId}. Start a node on it: cairn node --db ${folder}`,
  ];
  const facts = { kind: 'restored', backup: name, folder, oldLogId, logId, position, epoch, chunks, records };
  return { lines, rows: [{ ...facts, bytes, seconds: rounded(seconds) }] };
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
