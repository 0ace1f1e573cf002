/** From a `ClientConfig` to what Node wants to know about a TLS connection. @module */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { ClientConfig, Pem } from "./client-config.ts";

export interface KeyPair {
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
}

export async function tlsOptions(
  config: ClientConfig,
  keyPair: KeyPair | undefined,
): Promise<ConnectionOptions> {
  const host = new URL(config.server).hostname.replace(/^\[(.*)\]$/, "$1");
  const ca = config.ca === undefined ? undefined : await readPem(config.ca);
  return {
    ...(ca !== undefined && { ca: toText(ca) }),
    ...(keyPair !== undefined && { cert: toText(keyPair.cert), key: toText(keyPair.key) }),
    rejectUnauthorized: config.insecureSkipTlsVerify !== true,
    // SNI carries names only.
    servername: config.tlsServerName ?? (isIP(host) === 0 ? host : ""),
    minVersion: "TLSv1.2",
  };
}

export async function readPem(pem: Pem): Promise<string | Uint8Array> {
  return typeof pem === "object" && "file" in pem ? readFile(pem.file) : pem;
}

function toText(pem: string | Uint8Array): string {
  return typeof pem === "string" ? pem : Buffer.from(pem).toString("utf8");
}
