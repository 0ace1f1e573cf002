/** `--proxy-client-*` and `--requestheader-*`: how the API server proves itself to those behind it, and whom in front of it it believes. @module */
import { join } from "node:path";
import type { Command } from "commander";
import type { ApiServerOptions } from "#apiserver";
import type { Live } from "#component-base";
import type { FrontProxyPaths, KeptCertificates } from "./keep-certificates.ts";

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

/** Where the files are. Those that flags name must be there. */
export function frontProxyPaths(flags: FrontProxyFlags, certDir: string): FrontProxyPaths {
  const { proxyClientCertFile, proxyClientKeyFile, requestheaderClientCaFile } = flags;
  if ((proxyClientCertFile === undefined) !== (proxyClientKeyFile === undefined))
    throw new Error("--proxy-client-cert-file and --proxy-client-key-file go together");
  return {
    client: {
      cert: proxyClientCertFile ?? join(certDir, FILES.cert),
      key: proxyClientKeyFile ?? join(certDir, FILES.key),
    },
    isClientRequired: proxyClientCertFile !== undefined,
    ca: requestheaderClientCaFile ?? join(certDir, FILES.clientCa),
    isCaRequired: requestheaderClientCaFile !== undefined,
  };
}

/** What is not there at the start is left out: aggregated APIs then answer 503. What is there is read at every use. */
export function frontProxyOptions(flags: FrontProxyFlags, kept: Live<KeptCertificates>): FrontProxyOptions {
  const { frontProxyClient: firstClient, frontProxyCa: firstCa } = kept.current;
  const {
    requestheaderAllowedNames: allowedNames = ALLOWED_NAMES,
    requestheaderUsernameHeaders: usernameHeaders = ["X-Remote-User"],
    requestheaderUidHeaders: uidHeaders = ["X-Remote-Uid"],
    requestheaderGroupHeaders: groupHeaders = ["X-Remote-Group"],
    requestheaderExtraHeadersPrefix: extraHeaderPrefixes = ["X-Remote-Extra-"],
  } = flags;
  const headers = { allowedNames, usernameHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes };
  return {
    ...(firstClient !== undefined && {
      proxyClient: {
        get cert() {
          return (kept.current.frontProxyClient ?? firstClient).cert;
        },
        get key() {
          return (kept.current.frontProxyClient ?? firstClient).key;
        },
      },
    }),
    ...(firstCa !== undefined && {
      requestHeader: {
        ...headers,
        get clientCa() {
          return kept.current.frontProxyCa ?? firstCa;
        },
      },
    }),
  };
}

function list(text: string): readonly string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
