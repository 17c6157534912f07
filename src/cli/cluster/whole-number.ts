/** Arguments that are whole numbers, for commander. Pure. */
import { InvalidArgumentError } from 'commander';

/** Parses a whole number from `low` to `high`; commander tells the user otherwise. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${low} to ${high}.`);
  };
}
