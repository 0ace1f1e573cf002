/** Who the client is: headers and certificate, read again where they can change. @module */
import { readFile } from "node:fs/promises";
import type { Clock } from "#apimachinery";
import type { ClientConfig, Impersonation } from "./client-config.ts";
import { runExecPlugin, type ExecCredential } from "./exec-plugin.ts";
import { readPem, type KeyPair } from "./tls-options.ts";

export type Headers = Readonly<Record<string, string | readonly string[]>>;

export interface Credentials {
  headers(signal: AbortSignal): Promise<Headers>;
  /** For the next connection. */
  keyPair(signal: AbortSignal): Promise<KeyPair | undefined>;
  /** The server refused them: forget what was cached. Says whether asking again could give others. */
  invalidate(): boolean;
}

/** client-go's: tokens of service accounts are rotated in their files. */
const TOKEN_FILE_RELOAD_MS = 60_000;
/** Plugins' credentials are renewed this long before they end. */
const EXPIRY_LEEWAY_MS = 10_000;

export function newCredentials(config: ClientConfig, clock: Clock): Credentials {
  const fixed = fixedHeaders(config);
  const token = tokenSource(config, clock);
  const exec = config.exec === undefined ? undefined : execSource(config, clock);
  return {
    async headers(signal) {
      const bearer = (await exec?.get(signal))?.token ?? (await token.get());
      return bearer === undefined ? fixed : { ...fixed, authorization: `Bearer ${bearer}` };
    },
    async keyPair(signal) {
      const credential = await exec?.get(signal);
      if (credential?.keyPair !== undefined) return credential.keyPair;
      if (config.clientCertificate === undefined) return undefined;
      const { cert, key } = config.clientCertificate;
      return { cert: await readPem(cert), key: await readPem(key) };
    },
    invalidate() {
      token.forget();
      exec?.forget();
      return exec !== undefined || config.tokenFile !== undefined;
    },
  };
}

interface Source<T> {
  get(signal: AbortSignal): Promise<T>;
  forget(): void;
}

function tokenSource(
  { token, tokenFile }: ClientConfig,
  clock: Clock,
): Omit<Source<string | undefined>, "get"> & {
  get(): Promise<string | undefined>;
} {
  let cached: { readonly token: string; readonly untilMs: number } | undefined;
  return {
    async get() {
      if (tokenFile === undefined) return token;
      if (cached === undefined || clock.monotonicMs() >= cached.untilMs) {
        const text = (await readFile(tokenFile, "utf8")).trim();
        if (text === "") throw new Error(`Token file ${tokenFile} is empty`);
        cached = { token: text, untilMs: clock.monotonicMs() + TOKEN_FILE_RELOAD_MS };
      }
      return cached.token;
    },
    forget: () => (cached = undefined),
  };
}

/** All who ask while the plugin runs share its answer. */
function execSource(config: ClientConfig, clock: Clock): Source<ExecCredential> {
  let cached: Promise<ExecCredential> | undefined;
  return {
    async get(signal) {
      const credential = await cached;
      const { expiryMs } = credential ?? {};
      if (expiryMs !== undefined && clock.now() >= expiryMs - EXPIRY_LEEWAY_MS) cached = undefined;
      cached ??= runExecPlugin(config, signal).catch((err: unknown) => {
        cached = undefined;
        throw err;
      });
      return cached;
    },
    forget: () => (cached = undefined),
  };
}

function fixedHeaders({ basic, impersonate }: ClientConfig): Headers {
  const headers: Record<string, string | readonly string[]> =
    impersonate === undefined ? {} : impersonationHeaders(impersonate);
  if (basic !== undefined) {
    const text = Buffer.from(`${basic.username}:${basic.password}`).toString("base64");
    headers["authorization"] = `Basic ${text}`;
  }
  return headers;
}

function impersonationHeaders({
  userName,
  uid,
  groups,
  extra = {},
}: Impersonation): Record<string, string | readonly string[]> {
  const headers: Record<string, string | readonly string[]> = { "impersonate-user": userName };
  if (uid !== undefined) headers["impersonate-uid"] = uid;
  if (groups !== undefined && groups.length > 0) headers["impersonate-group"] = groups;
  for (const [key, values] of Object.entries(extra))
    headers[`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`] = values;
  return headers;
}
