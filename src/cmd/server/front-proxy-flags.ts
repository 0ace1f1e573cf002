/** `--proxy-client-*` and `--requestheader-*`: how the API server proves itself to those behind it, and whom in front of it it believes. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import type { ApiServerOptions } from "#apiserver";
import type { PairPem } from "./keep-certificates.ts";

export interface FrontProxyFlags {
  readonly proxyClientCertFile?: string;
  readonly proxyClientKeyFile?: string;
  readonly requestheaderClientCaFile?: string;
  readonly requestheaderAllowedNames?: readonly string[];
  readonly requestheaderUsernameHeaders?: readonly string[];
  readonly requestheaderUidHeaders?: readonly string[];
  readonly requestheaderGroupHeaders?: readonly string[];
  readonly requestheaderExtraHeadersPrefix?: readonly string[];
}

/** As kubeadm names it, and as the launcher makes it. */
const FILES = {
  clientCa: "front-proxy-ca.crt",
  cert: "front-proxy-client.crt",
  key: "front-proxy-client.key",
} as const;
const ALLOWED_NAMES = ["front-proxy-client"];

export function addFrontProxyFlags(command: Command): void {
  command
    .option("--proxy-client-cert-file <path>", `shown to aggregated API servers; ${inCertDir(FILES.cert)}`)
    .option("--proxy-client-key-file <path>", `its key; ${inCertDir(FILES.key)}`)
    .option("--requestheader-client-ca-file <path>", `signs front proxies; ${inCertDir(FILES.clientCa)}`)
    .option("--requestheader-allowed-names <names>", "common names of front proxies; '' means all", list)
    .option("--requestheader-username-headers <names>", "headers that name the user (X-Remote-User)", list)
    .option("--requestheader-uid-headers <names>", "headers with the user's uid (X-Remote-Uid)", list)
    .option("--requestheader-group-headers <names>", "headers with groups (X-Remote-Group)", list)
    .option(
      "--requestheader-extra-headers-prefix <names>",
      "prefixes of further facts (X-Remote-Extra-)",
      list,
    );
}

function inCertDir(name: string): string {
  return `default: ${name} of --cert-dir, if it is there`;
}

type FrontProxyOptions = Pick<ApiServerOptions, "proxyClient" | "requestHeader">;

/**
 * What is not there is left out: aggregated APIs then answer 503. Files that flags name must be there. `kept`: the pair of
 * the certificate folder as it now is, which is renewed while the server runs.
 */
export async function frontProxyOptions(
  flags: FrontProxyFlags,
  certDir: string,
  kept: () => PairPem | undefined,
): Promise<FrontProxyOptions> {
  const { requestheaderClientCaFile: caFile } = flags;
  const clientCa = await (caFile === undefined
    ? readIfThere(join(certDir, FILES.clientCa))
    : readFile(caFile, "utf8"));
  const proxyClient = await proxyClientOf(flags, kept);
  const {
    requestheaderAllowedNames: allowedNames = ALLOWED_NAMES,
    requestheaderUsernameHeaders: usernameHeaders = ["X-Remote-User"],
    requestheaderUidHeaders: uidHeaders = ["X-Remote-Uid"],
    requestheaderGroupHeaders: groupHeaders = ["X-Remote-Group"],
    requestheaderExtraHeadersPrefix: extraHeaderPrefixes = ["X-Remote-Extra-"],
  } = flags;
  const headers = { usernameHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes };
  return {
    ...(proxyClient !== undefined && { proxyClient }),
    ...(clientCa !== undefined && { requestHeader: { clientCa, allowedNames, ...headers } }),
  };
}

async function proxyClientOf(
  { proxyClientCertFile: certFile, proxyClientKeyFile: keyFile }: FrontProxyFlags,
  kept: () => PairPem | undefined,
): Promise<PairPem | undefined> {
  if (certFile !== undefined && keyFile !== undefined) {
    return { cert: await readFile(certFile, "utf8"), key: await readFile(keyFile, "utf8") };
  }
  if (certFile !== undefined || keyFile !== undefined) {
    throw new Error("--proxy-client-cert-file and --proxy-client-key-file go together");
  }
  const first = kept();
  if (first === undefined) return undefined;
  const current = (): PairPem => kept() ?? first;
  return {
    get cert() {
      return current().cert;
    },
    get key() {
      return current().key;
    },
  };
}

function list(text: string): readonly string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}
