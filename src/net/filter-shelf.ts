/**
 * The filters that clients use, compiled: the same patterns share one automaton, whoever uses them. Main thread.
 */
import { NameFilter } from '../pattern/name-filter.js';
import type { ReadFilter } from '../wire/read-filter.js';

/** Of each of which some hundred kilobytes may be kept, rarely more than one. Filters in use beyond it are just not shared. */
const FILTERS_MAX = 64;

export class FilterShelf {
  /** By what they were made from; the one used longest ago first. */
  readonly #filters = new Map<string, NameFilter>();

  /** Throws `CairnError` `invalid-filter`. */
  take(rules: ReadFilter): NameFilter {
    const key = JSON.stringify(rules.map(({ field, kind, patterns }) => [field, kind, ...patterns]));
    const filter = this.#filters.get(key) ?? new NameFilter(rules);
    this.#filters.delete(key);
    this.#filters.set(key, filter);
    if (this.#filters.size > FILTERS_MAX) {
      const [oldest] = this.#filters.keys();
      this.#filters.delete(oldest!);
    }
    return filter;
  }
}
