/** `k8ts token list` in the columns of `kubeadm token list`. @module */
import type { Secret } from "#api/core/v1/types.gen";
import { renderTable } from "../table.ts";

const TITLES = ["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"];
const UNITS = [
  ["y", 365 * 86_400],
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
] as const;

export function renderTokens(rows: readonly (readonly string[])[]): string {
  return renderTable(TITLES, rows);
}

export function tokenRow({ data = {} }: Secret, nowMs: number): readonly string[] {
  const value = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString();
  const expiration = value("expiration");
  const usages = Object.keys(data)
    .filter((key) => key.startsWith("usage-bootstrap-") && value(key) === "true")
    .map((key) => key.slice("usage-bootstrap-".length))
    .toSorted();
  return [
    `${value("token-id")}.${value("token-secret")}`,
    expiration === "" ? "<forever>" : shortDuration(Date.parse(expiration) - nowMs),
    expiration === "" ? "<never>" : expiration,
    usages.join(",") || "<none>",
    value("description") || "<none>",
    value("auth-extra-groups") || "<none>",
  ];
}

/** The largest unit alone: `23h`. */
function shortDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (Number.isNaN(seconds) || seconds < -1) return "<invalid>";
  const [unit, size] = UNITS.find(([, unitSeconds]) => seconds >= unitSeconds) ?? ["s", 1];
  return `${Math.max(0, Math.trunc(seconds / size))}${unit}`;
}
