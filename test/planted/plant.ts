/**
 * A planted bug, as a small patch that survives edits around it: some words about it, then hunks of lines to find and to put in their
 * place. Pure. No line numbers: a hunk's old lines must stand exactly once in the file, else the plant is out of date.
 *
 *     Title: acks what is not durable
 *     Story: who made this mistake, and what it costs
 *     Incident: KDB #3472                       (if there is one)
 *     Caught by: simulator                      (or a test file, or several)
 *     Faults: isolate, slow-disk                (the weather that the simulator makes; swarm, if it is left out)
 *
 *     --- src/cluster/follower.ts
 *      a line that stays
 *     -a line that goes
 *     +a line that comes
 *     @@                                        (another hunk of the same file)
 */
export interface Plant {
  /** `01-ack-before-durable`. */
  readonly name: string;
  readonly title: string;
  readonly story: string;
  /** The incident of the field, or the paper, that it repeats; '' if there is none. */
  readonly incident: string;
  /** Test files that see it; none: the simulator does. */
  readonly tests: readonly string[];
  /** What `cairn simulate --faults` is given. */
  readonly faults: string;
  readonly changes: readonly Change[];
}

export interface Change {
  /** Relative to the repository. */
  readonly file: string;
  readonly hunks: readonly Hunk[];
}

export interface Hunk {
  readonly before: string;
  readonly after: string;
}

const SIMULATOR = 'simulator';
const FIELDS = ['Title', 'Story', 'Incident', 'Caught by', 'Faults'] as const;
type Field = (typeof FIELDS)[number];

/** Throws if the text is no plant: the message says why. */
export function parsePlant(name: string, text: string): Plant {
  const [head = '', ...files] = text.split(/^--- /m);
  const fields = parseFields(name, head);
  const changes = files.map((part) => parseChange(name, part));
  if (changes.length === 0) throw new Error(`${name}: nothing is changed`);
  const caughtBy = fields.get('Caught by') ?? SIMULATOR;
  return {
    name,
    title: fields.get('Title') ?? '',
    story: fields.get('Story') ?? '',
    incident: fields.get('Incident') ?? '',
    tests: caughtBy === SIMULATOR ? [] : caughtBy.split(/,\s*/),
    faults: fields.get('Faults') ?? 'swarm',
    changes,
  };
}

/** The file with the bug in it. Throws if a hunk doesn't fit exactly once. */
export function applyChange(name: string, change: Change, source: string): string {
  let text = source;
  for (const { before, after } of change.hunks) {
    const first = lineIndexOf(text, before, 0);
    const isOnce = first >= 0 && lineIndexOf(text, before, first + 1) < 0;
    if (!isOnce) {
      const found = first < 0 ? 'does not contain' : 'contains more than once';
      throw new Error(`${name} is out of date: ${change.file} ${found}\n${before}`);
    }
    text = text.slice(0, first) + after + text.slice(first + before.length);
  }
  return text;
}

/** Where `lines` begin a line of `text`; -1 if nowhere from `from` on. */
function lineIndexOf(text: string, lines: string, from: number): number {
  let at = text.indexOf(lines, from);
  while (at > 0 && text[at - 1] !== '\n') at = text.indexOf(lines, at + 1);
  return at;
}

function parseFields(name: string, head: string): ReadonlyMap<Field, string> {
  const fields = new Map<Field, string>();
  let current: Field | undefined;
  for (const line of head.split('\n')) {
    const field = FIELDS.find((candidate) => line.startsWith(`${candidate}: `));
    if (field !== undefined) {
      current = field;
      fields.set(field, line.slice(field.length + 2).trim());
    } else if (line.trim() !== '') {
      if (current === undefined) throw new Error(`${name}: what is "${line}"?`);
      fields.set(current, `${fields.get(current)} ${line.trim()}`);
    }
  }
  for (const field of ['Title', 'Story'] as const) {
    if ((fields.get(field) ?? '') === '') throw new Error(`${name}: no ${field}`);
  }
  return fields;
}

function parseChange(name: string, part: string): Change {
  const [file = '', ...lines] = part.trimEnd().split('\n');
  const hunks = lines.join('\n').split(/^@@.*\n/m);
  return { file: file.trim(), hunks: hunks.map((hunk) => parseHunk(name, hunk.replace(/\n$/, ''))) };
}

function parseHunk(name: string, hunk: string): Hunk {
  const before: string[] = [];
  const after: string[] = [];
  for (const line of hunk.split('\n')) {
    const rest = line.slice(1);
    if (line === '' || line[0] === ' ') {
      before.push(rest);
      after.push(rest);
    } else if (line[0] === '-') before.push(rest);
    else if (line[0] === '+') after.push(rest);
    else throw new Error(`${name}: a line of a hunk begins with a space, - or +: "${line}"`);
  }
  if (before.length === 0) throw new Error(`${name}: a hunk needs a place`);
  const [old, planted] = [before, after].map((part) => part.map((one) => `${one}\n`).join(''));
  return { before: old!, after: planted! };
}
