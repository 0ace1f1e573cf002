/** Reads `Accept` for documents about the API itself, whose media types have their own parameters. @module */

export interface AcceptClause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** A header longer than this is not read on: it is no honest list of preferences. */
const CLAUSES_MAX = 32;

/** The clauses of an `Accept` header, the most wanted first; an empty header accepts everything. */
export function acceptClauses(accept: string): readonly AcceptClause[] {
  const text = accept === "" ? "*/*" : accept;
  return text
    .split(",", CLAUSES_MAX)
    .map(clauseOf)
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality);
}

function clauseOf(text: string): AcceptClause & { readonly quality: number } {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = new Map(
    rest.map((part) => {
      const [name = "", value = ""] = part.split("=", 2);
      return [name.trim().toLowerCase(), value.trim()];
    }),
  );
  const quality = Number(parameters.get("q") ?? "1");
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
}
