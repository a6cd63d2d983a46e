/** Texts that one search keeps: those of records may be new in every document. */
const MOST = 10_000;
/** Longer texts hardly ever come twice. */
const LONGEST = 100;

/**
 * A search that finds nothing in nearly every text, and that keeps in which: names and values repeat from document
 * to document. Not for parts of texts, each of which would keep its whole in memory.
 */
export function rarely<T>(find: (text: string) => T | false): (text: string) => T | false {
  const without = new Set<string>();
  return (text) => {
    if (without.has(text)) return false;
    const found = find(text);
    if (found === false && text.length <= LONGEST && without.size < MOST) without.add(text);
    return found;
  };
}
