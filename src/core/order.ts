/** Compares by Unicode code point (JavaScript's `<` compares UTF-16 units, which differs beyond the BMP). */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh === yHigh) return x - y;
    // A surrogate is part of a code point above every BMP character; the shared prefix cannot split a pair
    // in one string only.
    return xHigh ? 1 : -1;
  }
  return a.length - b.length;
}

/** Up to so many, an insertion is quicker than the engine's sort. */
const FEW = 32;

/** Sorts names in place by Unicode code point. */
export function sortNames(names: string[]): string[] {
  if (names.length > FEW) return names.sort(compareCodePoints);
  for (let i = 1; i < names.length; i++) {
    const name = names[i] as string;
    let at = i;
    for (; at > 0 && compareCodePoints(names[at - 1] as string, name) > 0; at--) names[at] = names[at - 1] as string;
    names[at] = name;
  }
  return names;
}
