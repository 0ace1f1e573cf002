/** Values that cost something and may never be asked for. @module */

/** `make` is called when the value is asked for first; whoever asks later gets the same. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
