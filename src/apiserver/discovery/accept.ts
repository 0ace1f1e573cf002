/** Reads `Accept` for documents about the API itself, whose media types have their own parameters. @module */
import { CLAUSES_MAX, parseClause, type AcceptClause } from "../http/accept-clause.ts";

/** The clauses of an `Accept` header, the most wanted first; an empty header accepts everything. */
export function acceptClauses(accept: string): readonly AcceptClause[] {
  const text = accept === "" ? "*/*" : accept;
  return text
    .split(",", CLAUSES_MAX)
    .map(parseClause)
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality);
}
