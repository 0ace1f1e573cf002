/** From where a request came: what proxies say, and the connection itself. Pure; upstream's `SourceIPs`. @module */
import { isIP } from "node:net";
import type { Credentials } from "../user-info.ts";

/** All but the last are the client's own words. */
export function sourceIPs({ headers, remoteAddress }: Credentials): readonly string[] {
  const forwarded = textOf(headers["x-forwarded-for"])
    .split(",")
    .map((part) => part.trim())
    .filter((part) => isIP(part) !== 0);
  const real = textOf(headers["x-real-ip"]).trim();
  const hops = isIP(real) !== 0 && !forwarded.includes(real) ? [...forwarded, real] : forwarded;
  const remote = remoteAddress?.replace(/^::ffff:(?=\d+\.)/, "");
  return remote === undefined || hops.at(-1) === remote ? hops : [...hops, remote];
}

function textOf(header: string | readonly string[] | undefined): string {
  return typeof header === "string" ? header : (header?.join(",") ?? "");
}
