/** Kubeconfig files: reading, merging, and what the client needs to know of one context. @module */
import { readFile } from "node:fs/promises";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import type { ClientConfig, ExecPlugin, Impersonation, Pem } from "./client-config.ts";

export interface KubeconfigCluster {
  readonly server?: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "tls-server-name"?: string;
  readonly "proxy-url"?: string;
}

export interface KubeconfigUser {
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly as?: string;
  readonly "as-uid"?: string;
  readonly "as-groups"?: readonly string[];
  readonly "as-user-extra"?: Readonly<Record<string, readonly string[]>>;
  readonly exec?: KubeconfigExec;
  readonly "auth-provider"?: unknown;
}

export interface KubeconfigExec {
  readonly apiVersion: string;
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly interactiveMode?: ExecPlugin["interactiveMode"];
  readonly provideClusterInfo?: boolean;
  readonly installHint?: string;
}

export interface KubeconfigContext {
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string;
}

/** Several files as one; paths in it are absolute. */
export interface Kubeconfig {
  /** "": none is set. */
  readonly currentContext: string;
  readonly clusters: ReadonlyMap<string, KubeconfigCluster>;
  readonly users: ReadonlyMap<string, KubeconfigUser>;
  readonly contexts: ReadonlyMap<string, KubeconfigContext>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface KubeconfigSources {
  /** `--kubeconfig`: this file alone, and it must exist. */
  readonly explicitPath?: string;
  /** Of which `KUBECONFIG` counts. */
  readonly env: Environment;
  readonly homeDir: string;
}

export interface ContextOverrides {
  readonly context?: string;
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

/** `--kubeconfig`, else the files of `KUBECONFIG`, else `~/.kube/config`. The first is where changes are written. */
export function kubeconfigPaths({ explicitPath, env, homeDir }: KubeconfigSources): readonly string[] {
  if (explicitPath !== undefined && explicitPath !== "") return [explicitPath];
  const listed = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  return listed.length > 0 ? [...new Set(listed)] : [join(homeDir, ".kube", "config")];
}

/** Missing files count as empty, except an explicit one. The first file to set a value or to name an entry wins. */
export async function loadKubeconfig(sources: KubeconfigSources): Promise<Kubeconfig> {
  const isExplicit = sources.explicitPath !== undefined && sources.explicitPath !== "";
  const files: Kubeconfig[] = [];
  for (const path of kubeconfigPaths(sources)) {
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (err) {
      if (!isExplicit && (err as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw new Error(`Failed to read kubeconfig ${path}`, { cause: err });
    }
    files.push(await parseKubeconfig(text, path));
  }
  return mergeKubeconfigs(files);
}

export function mergeKubeconfigs(files: readonly Kubeconfig[]): Kubeconfig {
  const last = files.toReversed();
  return {
    currentContext: files.find(({ currentContext }) => currentContext !== "")?.currentContext ?? "",
    clusters: new Map(last.flatMap(({ clusters }) => [...clusters])),
    users: new Map(last.flatMap(({ users }) => [...users])),
    contexts: new Map(last.flatMap(({ contexts }) => [...contexts])),
  };
}

interface NamedEntry {
  readonly name: string;
}

/** YAML or JSON. `path` is what relative paths in it are relative to. */
export async function parseKubeconfig(text: string, path: string): Promise<Kubeconfig> {
  const { load } = await import("js-yaml");
  let parsed: unknown;
  try {
    // An empty file is an empty configuration.
    parsed = text.trim() === "" ? {} : (load(text) ?? {});
  } catch (err) {
    throw noYaml(path, err);
  }
  if (typeof parsed !== "object" || Array.isArray(parsed))
    throw new Error(`Failed to parse kubeconfig ${path}: it is no mapping`);
  const raw = parsed as Readonly<Record<string, unknown>>;
  const directory = dirname(path);
  const named = <T>(list: unknown, field: string): Map<string, T> => {
    const entries = Array.isArray(list) ? (list as readonly (NamedEntry & Record<string, unknown>)[]) : [];
    return new Map(
      entries.map((entry) => [entry.name, withAbsolutePaths((entry[field] ?? {}) as T, directory)]),
    );
  };
  return {
    currentContext: typeof raw["current-context"] === "string" ? raw["current-context"] : "",
    clusters: named<KubeconfigCluster>(raw["clusters"], "cluster"),
    users: named<KubeconfigUser>(raw["users"], "user"),
    contexts: named<KubeconfigContext>(raw["contexts"], "context"),
  };
}

/** What is wrong and where. The parser's own message quotes the lines around it, with credentials: it is no cause either. */
export function noYaml(path: string, err: unknown): Error {
  const { reason, mark } = err as { readonly reason?: string; readonly mark?: { readonly line: number } };
  const why = reason === undefined ? "it is no YAML" : `yaml: line ${(mark?.line ?? 0) + 1}: ${reason}`;
  return new Error(`Failed to parse kubeconfig ${path}: ${why}`);
}

const PATH_FIELDS = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

function withAbsolutePaths<T>(entry: T, directory: string): T {
  const fields = entry as Readonly<Record<string, unknown>>;
  const paths = PATH_FIELDS.filter((field) => {
    const path = fields[field];
    return typeof path === "string" && path !== "" && !isAbsolute(path);
  });
  return {
    ...entry,
    ...Object.fromEntries(paths.map((field) => [field, join(directory, fields[field] as string)])),
  };
}

/** What a client needs for the current context, or the one of `overrides`. Throws with kubectl's words when something is missing. */
export function clientConfigOf(
  kubeconfig: Kubeconfig,
  env: Environment,
  overrides: ContextOverrides = {},
): ClientConfig {
  const name = overrides.context ?? kubeconfig.currentContext;
  if (name === "" && overrides.cluster === undefined)
    throw new Error("invalid configuration: no configuration has been provided, try setting KUBECONFIG");
  const context = kubeconfig.contexts.get(name);
  if (name !== "" && context === undefined) throw new Error(`context ${JSON.stringify(name)} does not exist`);
  const clusterName = overrides.cluster ?? context?.cluster ?? "";
  const cluster = kubeconfig.clusters.get(clusterName);
  if (cluster === undefined) throw new Error(`cluster ${JSON.stringify(clusterName)} does not exist`);
  const userName = overrides.user ?? context?.user ?? "";
  const user = kubeconfig.users.get(userName);
  if (user === undefined && userName !== "")
    throw new Error(`auth info ${JSON.stringify(userName)} does not exist`);
  const namespace = overrides.namespace ?? context?.namespace;
  return {
    ...clusterConfig(clusterName, cluster),
    ...userConfig(userName, user ?? {}, env),
    ...(namespace !== undefined && namespace !== "" && { namespace }),
  };
}

function clusterConfig(
  name: string,
  cluster: KubeconfigCluster,
): Pick<ClientConfig, "server"> & Partial<ClientConfig> {
  if (cluster.server === undefined || cluster.server === "")
    throw new Error(`invalid configuration: no server found for cluster ${JSON.stringify(name)}`);
  if (cluster["proxy-url"] !== undefined && cluster["proxy-url"] !== "")
    throw new Error(`cluster ${JSON.stringify(name)}: proxy-url is not supported`);
  const ca = pem(cluster["certificate-authority-data"], cluster["certificate-authority"]);
  const tlsServerName = cluster["tls-server-name"];
  return {
    server: cluster.server,
    ...(ca !== undefined && { ca }),
    ...(tlsServerName !== undefined && { tlsServerName }),
    ...(cluster["insecure-skip-tls-verify"] === true && { insecureSkipTlsVerify: true }),
  };
}

function userConfig(name: string, user: KubeconfigUser, env: Environment): Partial<ClientConfig> {
  if (user["auth-provider"] !== undefined)
    throw new Error(`user ${JSON.stringify(name)}: auth-provider plugins are gone, use an exec plugin`);
  const cert = pem(user["client-certificate-data"], user["client-certificate"]);
  const key = pem(user["client-key-data"], user["client-key"]);
  if ((cert === undefined) !== (key === undefined))
    throw new Error(`user ${JSON.stringify(name)}: a client certificate and its key must be given together`);
  const { token, tokenFile, username, password } = user;
  const impersonate = impersonation(user);
  return {
    ...(cert !== undefined && key !== undefined && { clientCertificate: { cert, key } }),
    ...(token !== undefined && { token }),
    ...(tokenFile !== undefined && tokenFile !== "" && { tokenFile }),
    ...(username !== undefined && { basic: { username, password: password ?? "" } }),
    ...(user.exec !== undefined && { exec: execPlugin(user.exec, env) }),
    ...(impersonate !== undefined && { impersonate }),
  };
}

/** Data wins over a file. */
function pem(data: string | undefined, file: string | undefined): Pem | undefined {
  if (data !== undefined && data !== "") return Buffer.from(data, "base64");
  return file !== undefined && file !== "" ? { file } : undefined;
}

function impersonation(user: KubeconfigUser): Impersonation | undefined {
  const { as, "as-uid": uid, "as-groups": groups, "as-user-extra": extra } = user;
  if (as === undefined || as === "") return undefined;
  return {
    userName: as,
    ...(uid !== undefined && { uid }),
    ...(groups !== undefined && { groups }),
    ...(extra !== undefined && { extra }),
  };
}

function execPlugin(exec: KubeconfigExec, env: Environment): ExecPlugin {
  const inherited = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const own = (exec.env ?? []).map(({ name, value }) => [name, value] as const);
  return {
    apiVersion: exec.apiVersion,
    command: exec.command,
    args: exec.args ?? [],
    env: Object.fromEntries([...inherited, ...own]),
    interactiveMode: exec.interactiveMode ?? "IfAvailable",
    provideClusterInfo: exec.provideClusterInfo ?? false,
    ...(exec.installHint !== undefined && { installHint: exec.installHint }),
  };
}
