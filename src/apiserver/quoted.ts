/** Lists in messages. @module */

/** As Go prints a list of strings with `%q`. */
export function quoted(list: readonly string[]): string {
  return `[${list.map((item) => JSON.stringify(item)).join(" ")}]`;
}
