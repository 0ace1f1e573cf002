/** Equality as upstream's apiequality.Semantic has it: what is empty equals what is absent. @module */

/** Objects are JSON values; the order of keys does not matter. */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a)) return isEmpty(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return sameArrays(a, b);
  const [x, y] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  return (
    Object.keys(x).every((key) => semanticEqual(x[key], y[key])) &&
    Object.keys(y).every((key) => key in x || isEmpty(y[key]))
  );
}

function sameArrays(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((item, i) => semanticEqual(item, b[i]));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
