/** The order of API versions: `v2`, `v1`, `v2beta1`, `v1beta2`, `v1alpha1`, then anything else. @module */

const VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/;

type Rank = readonly [stability: number, major: number, minor: number];

/** Negative when `a` is preferred to `b`. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [rankOf(a), rankOf(b)];
  if (x === undefined || y === undefined) {
    if (x === y) return a < b ? -1 : a > b ? 1 : 0;
    return x === undefined ? 1 : -1;
  }
  return y[0] - x[0] || y[1] - x[1] || y[2] - x[2];
}

function rankOf(version: string): Rank | undefined {
  const match = VERSION.exec(version);
  if (match === null) return undefined;
  const [, major, stability, minor = "0"] = match;
  return [stability === undefined ? 2 : stability === "beta" ? 1 : 0, Number(major), Number(minor)];
}
