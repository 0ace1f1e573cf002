/** `k8ts token create|list|delete`: bootstrap tokens, with which machines join a cluster; in the words of kubeadm. @module */
import { createHash, randomInt, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Secrets } from "#api/core/v1/secret";
import type { Secret } from "#api/core/v1/types.gen";
import { formatTime, isNotFound } from "#apimachinery";
import { adminClient } from "../admin-client.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { profilePaths } from "../paths.ts";
import { requireProfile, serverURL, type Profile } from "../profile.ts";
import { requireRunning } from "../server-ready.ts";
import { EXIT, UserError } from "../user-error.ts";
import { tokenRow } from "./token-table.ts";

export interface TokenOptions {
  /** Default: a random one. */
  readonly token?: string;
  /** 0: it never ends. */
  readonly ttlMs: number;
  readonly description?: string;
  readonly usages: readonly string[];
  readonly groups: readonly string[];
  readonly printJoinCommand: boolean;
}

const TYPE = "bootstrap.kubernetes.io/token";
const NAMESPACE = "kube-system";
const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const ID = /^[a-z0-9]{6}$/;
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const USAGES = ["signing", "authentication"];
const CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** The token, or the command with which a machine joins. */
export async function tokenCreate(
  context: LauncherContext,
  profileName: string,
  options: TokenOptions,
  signal: AbortSignal,
): Promise<string> {
  const { env, clock } = context;
  const profile = await requireProfile(env, profileName);
  await requireRunning(env, profile);
  const token = options.token ?? `${randomText(6)}.${randomText(16)}`;
  const secret = newTokenSecret(token, options, clock.now());
  await using admin = adminClient(env, profile, clock);
  await admin.client.create(Secrets, secret, signal);
  return options.printJoinCommand ? joinCommand(context, profile, token) : token;
}

/** One row per token, as `kubeadm token list` shows them. */
export async function tokenList(
  { env, clock }: LauncherContext,
  profileName: string,
  signal: AbortSignal,
): Promise<readonly (readonly string[])[]> {
  const profile = await requireProfile(env, profileName);
  await requireRunning(env, profile);
  await using admin = adminClient(env, profile, clock);
  const options = { namespace: NAMESPACE, fieldSelector: `type=${TYPE}` };
  const { items } = await admin.client.list(Secrets, options, signal);
  return items.map((secret) => tokenRow(secret, clock.now()));
}

/** `tokens`: whole ones, or their first six characters. */
export async function tokenDelete(
  { env, clock, print }: LauncherContext,
  profileName: string,
  tokens: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const profile = await requireProfile(env, profileName);
  await requireRunning(env, profile);
  await using admin = adminClient(env, profile, clock);
  for (const token of tokens) {
    const id = ID.test(token) ? token : TOKEN.exec(token)?.[1];
    if (id === undefined)
      throw invalid(`given token didn't match pattern "${TOKEN.source}" or "${ID.source}"`);
    const ref = { namespace: NAMESPACE, name: `bootstrap-token-${id}` };
    await admin.client.delete(Secrets, ref, signal).catch((cause: unknown) => {
      if (!isNotFound(cause)) throw cause;
      throw new UserError(`failed to delete bootstrap token ${JSON.stringify(id)}`, {
        id: "TOKEN_NOT_FOUND",
        exitCode: EXIT.notFound,
        fix: `k8ts token list -p ${profile.name}`,
        cause,
      });
    });
    print(`bootstrap token ${JSON.stringify(id)} deleted\n`);
  }
}

/** Pure. Throws a UserError for what is no token, no usage, no group of bootstrappers. */
export function newTokenSecret(
  token: string,
  { ttlMs, description, usages, groups }: Omit<TokenOptions, "token" | "printJoinCommand">,
  nowMs: number,
): Secret {
  const [, id, key] = TOKEN.exec(token) ?? [];
  if (id === undefined || key === undefined)
    throw invalid(`the bootstrap token was not of the form "${TOKEN.source}"`);
  const unknown = usages.find((usage) => !USAGES.includes(usage));
  if (unknown !== undefined || usages.length === 0)
    throw invalid(`usages must be of ${USAGES.join(", ")}, not ${JSON.stringify(unknown ?? "")}`);
  const bad = groups.find((group) => !GROUP.test(group));
  if (bad !== undefined)
    throw invalid(`bootstrap group ${JSON.stringify(bad)} is invalid (must match ${GROUP.source})`);
  if (groups.length > 0 && !usages.includes("authentication"))
    throw invalid("token groups cannot be specified unless --usages includes authentication");
  const values: Readonly<Record<string, string>> = {
    "token-id": id,
    "token-secret": key,
    ...(description !== undefined && { description }),
    ...(ttlMs > 0 && { expiration: formatTime(nowMs + ttlMs) }),
    ...Object.fromEntries(usages.map((usage) => [`usage-bootstrap-${usage}`, "true"])),
    ...(groups.length > 0 && { "auth-extra-groups": groups.join(",") }),
  };
  const data = Object.entries(values).map(([name, value]) => [name, Buffer.from(value).toString("base64")]);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `bootstrap-token-${id}`, namespace: NAMESPACE },
    type: TYPE,
    data: Object.fromEntries(data) as Record<string, string>,
  };
}

async function joinCommand({ env }: LauncherContext, profile: Profile, token: string): Promise<string> {
  const ca = new X509Certificate(await readFile(join(profilePaths(env, profile.name).pki, "ca.crt")));
  const spki = ca.publicKey.export({ type: "spki", format: "der" });
  const hash = createHash("sha256").update(spki).digest("hex");
  const network = [
    `--cluster-cidr=${profile.podCIDR}`,
    `--service-cluster-ip-range=${profile.serviceCIDR}`,
    `--cluster-dns=${profile.dnsIP}`,
    `--cluster-domain=${profile.dnsDomain}`,
  ];
  const flags = [`--server=${serverURL(profile)}`, `--token=${token}`];
  return `k8ts agent ${[...flags, `--discovery-token-ca-cert-hash=sha256:${hash}`, ...network].join(" ")}`;
}

function randomText(length: number): string {
  return Array.from({ length }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join("");
}

function invalid(message: string): UserError {
  return new UserError(message, { id: "TOKEN_INVALID", exitCode: EXIT.usage, fix: "k8ts token create" });
}
