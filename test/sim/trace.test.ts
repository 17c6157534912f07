import { describe, expect, it } from 'vitest';
import { TRACE_LINES_MAX, Trace } from '../../src/sim/trace.js';

function traced(act: (trace: Trace) => void): string {
  const trace = new Trace();
  act(trace);
  return trace.hash;
}

describe('the trace', () => {
  const base = traced((trace) => trace.note(1, 'n1', 'commit').numbers(5));

  it('has the same hash for the same things', () => {
    expect(traced((trace) => trace.note(1, 'n1', 'commit').numbers(5))).toBe(base);
    expect(base).toMatch(/^[0-9a-f]{16}$/);
  });

  it.each<[string, (trace: Trace) => void]>([
    ['time', (trace) => trace.note(1.5, 'n1', 'commit').numbers(5)],
    ['place', (trace) => trace.note(1, 'n2', 'commit').numbers(5)],
    ['event', (trace) => trace.note(1, 'n1', 'role').numbers(5)],
    ['number', (trace) => trace.note(1, 'n1', 'commit').numbers(6)],
    ['second number', (trace) => trace.note(1, 'n1', 'commit').numbers(5, 0)],
    ['bytes', (trace) => trace.note(1, 'n1', 'commit').numbers(5).bytes(new Uint8Array(1))],
    ['word', (trace) => trace.note(1, 'n1', 'commit').numbers(5).word('x')],
  ])('has another hash for another %s', (_what, act) => {
    expect(traced(act)).not.toBe(base);
  });

  it('depends on the order', () => {
    const both = (a: string, b: string) =>
      traced((trace) => {
        trace.note(1, 'n1', a);
        trace.note(1, 'n1', b);
      });
    expect(both('x', 'y')).not.toBe(both('y', 'x'));
  });

  it('keeps the last lines, and makes them only when they are wanted', () => {
    const trace = new Trace();
    let made = 0;
    const describeLine = (): string => {
      made++;
      return 'facts';
    };
    for (let i = 0; i < TRACE_LINES_MAX + 10; i++) trace.note(i, 'n1', 'tick', describeLine).numbers(i);
    expect(made).toBe(0);
    const lines = trace.lines();
    expect(lines).toHaveLength(TRACE_LINES_MAX);
    expect(lines[0]).toBe('      10.000 n1   tick             10 facts');
    expect(made).toBe(TRACE_LINES_MAX);
  });
});
