/** When a token counts: between `nbf` and `exp`, give or take a minute. Pure. @module */

/** Upstream's `jwt.DefaultLeeway`: clocks differ. */
export const LEEWAY_MS = 60_000;

/** Why it does not count now, to be put behind the name of the token. */
export function timeProblem(
  { exp, nbf, iat }: Readonly<Record<string, unknown>>,
  nowMs: number,
): string | undefined {
  for (const time of [exp, nbf, iat])
    if (time !== undefined && (typeof time !== "number" || !Number.isFinite(time)))
      return "claims could not be validated due to unexpected validation error";
  if (isNumber(nbf) && nowMs + LEEWAY_MS < nbf * 1_000) return "is not valid yet";
  if (isNumber(exp) && nowMs - LEEWAY_MS > exp * 1_000) return "has expired";
  if (isNumber(iat) && nowMs + LEEWAY_MS < iat * 1_000) return "is issued in the future";
  return undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}
