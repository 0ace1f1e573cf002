/** `--plain-http`: what of a node answers without TLS because somebody asked for it. @module */
import { InvalidArgumentError } from "commander";

const ENDPOINTS = ["dns-metrics", "dns-health", "dns-ready", "proxy-healthz"] as const;

export type PlainEndpoint = (typeof ENDPOINTS)[number];

/** Names with commas. */
export function plainEndpoints(text: string): readonly PlainEndpoint[] {
  const names = text.split(",").map((name) => name.trim());
  return names.map((name) => {
    const known = ENDPOINTS.find((endpoint) => endpoint === name);
    if (known === undefined)
      throw new InvalidArgumentError(`${JSON.stringify(name)} is none of ${ENDPOINTS.join(", ")}.`);
    return known;
  });
}
