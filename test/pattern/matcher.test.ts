import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { Matcher } from '../../src/pattern/matcher.js';

const encode = (text: string) => new TextEncoder().encode(text);

/** Not at the start of its memory, as names never are. */
function fits(matcher: Matcher, text: string): boolean {
  const name = encode(text);
  const bytes = new Uint8Array(name.length + 16).fill(0x61);
  bytes.set(name, 8);
  return matcher.matches(bytes, 8, name.length);
}

function refusal(pattern: string): CairnError | undefined {
  try {
    new Matcher(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof CairnError) return error;
    throw error;
  }
}

const CHARACTERS = ['a', 'b', 'c', '-', '0', '9', '_', 'é', '€', '日', '𝕏', '\u{10ffff}'];
const character = fc.constantFrom(...CHARACTERS);
const text = fc.array(character, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''));

/** Patterns in the part of the syntax that JavaScript understands in the same way. */
const pattern = fc.letrec<{ choice: string; sequence: string; item: string; atom: string }>((tie) => ({
  choice: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|')),
  sequence: fc
    .tuple(
      fc.constantFrom('', '', '^'),
      fc.array(tie('item'), { maxLength: 4 }),
      fc.constantFrom('', '', '$'),
    )
    .map(([start, items, end]) => `${start}${items.join('')}${end}`),
  item: fc
    .tuple(tie('atom'), fc.constantFrom('', '', '', '*', '+', '?', '+?', '{2}', '{1,3}', '{0,}'))
    .map(([atom, count]) => atom + count),
  atom: fc.oneof(
    { maxDepth: 3 },
    character,
    fc.constantFrom(
      '.',
      '\\d',
      '\\D',
      '\\w',
      '\\W',
      '[a-c]',
      '[^a]',
      '[é-日]',
      '[^é-𝕏]',
      '[\\d_]',
      '\\x61',
      '\\u20ac',
    ),
    tie('choice').map((inside) => `(?:${inside})`),
    tie('choice').map((inside) => `(${inside})`),
  ),
})).choice;

describe('Matcher', () => {
  test('agrees with JavaScript about any text, with any pattern that both understand', () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 8 }), (source, texts) => {
        let matcher: Matcher;
        try {
          matcher = new Matcher(source);
        } catch (error) {
          // The generator may make patterns that are too large.
          expect((error as CairnError).message).toContain('too large');
          return;
        }
        const regex = new RegExp(source, 'su');
        for (const each of texts)
          expect([source, each, fits(matcher, each)]).toEqual([source, each, regex.test(each)]);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['order-[0-9]+', ['order-17', 'an order-1 too'], ['order-', 'orders-1']],
    ['^order-', ['order-'], ['my order-']],
    ['(Placed|Paid)$', ['OrderPaid'], ['OrderPaidLater']],
    ['^$', [], ['a']],
    ['a|^b$', ['b', 'cab'], ['bb']],
    ['^[^-]+-[^-]+$', ['a-b'], ['a-b-c', 'a']],
    ['^(?:[a-z]+\\.)*[a-z]+$', ['a.b.c'], ['a..b', '.a']],
    ['', ['anything'], []],
    ['[]]', [']'], ['[']],
    ['\\$\\^\\.\\(\\[\\\\', ['$^.([\\'], ['x']],
    ['^.$', ['日', '𝕏', '\n'], ['ab']],
  ] as const)('%s', (source, yes, no) => {
    const matcher = new Matcher(source);
    expect(yes.filter((each) => !fits(matcher, each))).toEqual([]);
    expect(no.filter((each) => fits(matcher, each))).toEqual([]);
  });

  test.each([
    ['a(b', 'no ) to this ('],
    ['a)b', 'no ( to this )'],
    ['[a', 'no ] to this ['],
    ['*a', 'nothing to repeat'],
    ['a**', 'repetition of a repetition'],
    ['^*', 'could be repeated'],
    ['a{3,2}', 'second number'],
    ['a{1001}', 'at most 1000'],
    ['a{x}', '{n}'],
    ['a{', '{n}'],
    ['(?=a)', 'only (?:'],
    ['(?<n>a)', 'only (?:'],
    ['(a)\\1', '\\1'],
    ['\\bword', '\\b'],
    ['\\p{L}', '\\p'],
    ['[z-a]', 'a range'],
    ['\\u{110000}', 'number of a character'],
    ['\\x6', 'number of a character'],
    ['a\\', 'backslash'],
    ['('.repeat(51) + ')'.repeat(51), 'more than 50 groups'],
    ['(.{1000})', 'too large'],
    ['((a{100}){100}){100}', 'too large'],
    ['(((((){1000}){1000}){1000}){1000}){1000}', 'too large'],
    ['((((^{1}', 'could be repeated'],
  ])('refuses %s, and says why', (source, why) => {
    const error = refusal(source);
    expect([error?.code, error?.details['pattern']]).toEqual(['invalid-filter', source]);
    expect(error?.message).toContain(why);
  });

  test('refuses or compiles any text, and never fails otherwise', () => {
    const syntax = fc.constantFrom(...'ab^$.|?*+(){}[]\\-,09dDxu:=!<>é', '(?:', '{2,3}', '[^', '\\u{');
    fc.assert(
      fc.property(fc.array(syntax, { maxLength: 30 }), text, (parts, each) => {
        const source = parts.join('');
        if (refusal(source) !== undefined) return;
        const matcher = new Matcher(source);
        expect(fits(matcher, each)).toBe(fits(new Matcher(source), each));
      }),
      { numRuns: 2000 },
    );
  });

  test('takes work in proportion to the text, whatever the pattern, and forgets states rather than keep too many', () => {
    const hostile = ['(a|a)*b', '(a*)*b', '(a|b)*a(a|b){14}$', '(.*)(.*)(.*)(.*)[^ab]', '(a?){50}a{50}b'];
    for (const source of hostile) {
      const matcher = new Matcher(source);
      // Bits of a number that has no pattern.
      const name = Array.from({ length: 1000 }, (_, i) =>
        Math.imul(i, 0x9e3779b1) & 0x1000 ? 'a' : 'b',
      ).join('');
      for (let round = 0; round < 3; round++) {
        const before = matcher.work;
        fits(matcher, name);
        // A thousand states, looked at a few times for each byte.
        expect(matcher.work - before).toBeLessThan(1000 * 5000);
      }
    }
    const many = new Matcher('(a|b)*a(a|b){14}$');
    const regex = /(a|b)*a(a|b){14}$/;
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 200 }), (letters) => {
        const name = letters.join('');
        expect(fits(many, name)).toBe(regex.test(name));
      }),
      { numRuns: 300 },
    );
    expect(many.forgotten).toBeGreaterThan(0);
  });
});
