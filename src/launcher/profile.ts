/** A profile: one cluster on this machine, and how it was made. Stored as `profile.json`. @module */
import { mkdir, readFile, readdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ExtraOption } from "./extra-config.ts";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import type { PodNetwork } from "./pod-network.ts";
import { EXIT, UserError } from "./user-error.ts";

export type DriverName = "netns" | "host" | "simulated";

export interface NodeSpec {
  readonly name: string;
  /** The primary one of its addresses. */
  readonly ip: string;
  /** One of each family, the primary one first; absent: it has that one alone. */
  readonly ips?: readonly string[];
  readonly role: "control-plane" | "worker";
  readonly kubeletPort: number;
}

export interface Profile {
  readonly name: string;
  readonly driver: DriverName;
  readonly nodes: readonly NodeSpec[];
  /** The private bridge of the netns driver. */
  readonly network?: {
    readonly bridge: string;
    readonly gateway: string;
    readonly prefixLength: number;
    /** The bridge's hardware address, by which a cluster knows its own. */
    readonly owner?: string;
  };
  /** Where clients on this machine reach the API server. */
  readonly apiServer: { readonly host: string; readonly port: number };
  /** One range, or one of each family with a comma. */
  readonly podCIDR: string;
  readonly serviceCIDR: string;
  readonly dnsIP: string;
  readonly dnsDomain: string;
  /** `HOST:PORT` of registries without trusted TLS. */
  readonly insecureRegistries?: readonly string[];
  /** Absent: the pod network that is built in. */
  readonly podNetwork?: PodNetwork;
  /** Flags of components that the user chose. */
  readonly extraConfig?: readonly ExtraOption[];
  /** The kubeconfig file that got the context. */
  readonly kubeconfig: string;
}

/** Names become parts of interfaces, namespaces and file names. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$/;

export function checkProfileName(name: string): void {
  if (NAME.test(name)) return;
  throw new UserError(
    `profile name ${JSON.stringify(name)} must be lower-case letters, digits and '-', at most 30`,
    {
      id: "PROFILE_NAME_INVALID",
      exitCode: EXIT.usage,
      fix: "k8ts start -p my-cluster",
    },
  );
}

/** `k8ts` for the default profile, `k8ts-PROFILE` for the others. */
export function contextName(profile: string): string {
  return profile === "k8ts" ? "k8ts" : `k8ts-${profile}`;
}

/** The first node bears the cluster's name, the others `-m02`, `-m03`, as in minikube. */
export function nodeName(profile: string, index: number): string {
  const base = contextName(profile);
  return index === 0 ? base : `${base}-m${String(index + 1).padStart(2, "0")}`;
}

export function ipsOf({ ip, ips = [ip] }: NodeSpec): readonly string[] {
  return ips;
}

export function serverURL({ apiServer: { host, port } }: Profile): string {
  return `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export async function readProfile(env: LauncherEnv, name: string): Promise<Profile | undefined> {
  checkProfileName(name);
  try {
    return JSON.parse(await readFile(profilePaths(env, name).config, "utf8")) as Profile;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}

export async function requireProfile(env: LauncherEnv, name: string): Promise<Profile> {
  const profile = await readProfile(env, name);
  if (profile !== undefined) return profile;
  throw new UserError(`profile "${name}" not found`, {
    id: "PROFILE_NOT_FOUND",
    exitCode: EXIT.notFound,
    fix: `k8ts start${name === "k8ts" ? "" : ` -p ${name}`}, or k8ts profile list`,
  });
}

export async function writeProfile(env: LauncherEnv, profile: Profile): Promise<void> {
  const file = profilePaths(env, profile.name).config;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify(profile, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
}

export async function listProfiles(env: LauncherEnv): Promise<readonly Profile[]> {
  const names = await readdir(join(env.home, "profiles")).catch((err: NodeJS.ErrnoException): string[] => {
    if (err.code === "ENOENT") return [];
    throw err;
  });
  const profiles = await Promise.all(names.toSorted().map((name) => readProfile(env, name)));
  return profiles.filter((profile) => profile !== undefined);
}
