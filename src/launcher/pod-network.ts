/** `--cni`, in minikube's words: the network of pods that is built in, or one that the user brings. @module */
import { constants, existsSync, readdirSync } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CNI_BIN_DIR } from "#cri";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import type { NodeSpec, Profile } from "./profile.ts";
import { EXIT, UserError, explain } from "./user-error.ts";

/** A network that is not ours. */
export interface PodNetwork {
  /**
   * A CNI configuration list. It may be a template of containerd's (`conf_template`): `{{.PodCIDR}}` is the range of a node.
   * Absent: whoever administers the cluster puts a configuration on each node.
   */
  readonly template?: string;
}

/** A configuration is a page of JSON. */
const TEMPLATE_CHARS_MAX = 65_536;
const OURS: ReadonlySet<string> = new Set(["k8ts", "auto"]);
const NOBODYS: ReadonlySet<string> = new Set(["none", "false"]);

/** Undefined: the network that is built in. */
export async function podNetworkOf(
  choice: string,
  binDir: string = CNI_BIN_DIR,
): Promise<PodNetwork | undefined> {
  if (OURS.has(choice)) return undefined;
  if (NOBODYS.has(choice)) return {};
  const template = await readFile(choice, "utf8").catch((err: unknown) => {
    const why = `there is no network ${JSON.stringify(choice)} (there are k8ts and none), and no such file`;
    throw invalid(`${why}: ${explain(err)}`, "k8ts start --cni=none, then install the network");
  });
  const plugins = pluginsOf(choice, template);
  for (const plugin of plugins) await requirePlugin(plugin, binDir);
  return { template };
}

/** Nodes of this machine share its file system: host-local remembers the addresses of each in the node's own folder. */
export function templateFor({ template }: Required<PodNetwork>, dataDir: string): string {
  if (/"dataDir"\s*:/.test(template)) return template;
  return template.replaceAll(
    /"type"\s*:\s*"host-local"/g,
    (type) => `${type}, "dataDir": ${JSON.stringify(dataDir)}`,
  );
}

/** The user has yet to bring a network. */
export function isWithoutNetwork({ podNetwork }: Pick<Profile, "podNetwork">): boolean {
  return podNetwork !== undefined && podNetwork.template === undefined;
}

/** Where it is to be put for nodes that have none. */
export function networkHints(
  env: LauncherEnv,
  profile: Profile,
  nodes: readonly NodeSpec[],
): readonly string[] {
  if (!isWithoutNetwork(profile)) return [];
  const paths = profilePaths(env, profile.name);
  const bare = nodes.filter(({ name }) => !hasConfiguration(paths.node(name).cniConf));
  return bare.map(
    ({ name }) => `${name} is Ready once a CNI configuration is in ${paths.node(name).cniConf}`,
  );
}

function hasConfiguration(dir: string): boolean {
  const names = existsSync(dir) ? readdirSync(dir) : [];
  return names.some((name) => /\.(?:conf|conflist|json)$/.test(name));
}

interface Configuration {
  readonly name?: unknown;
  readonly plugins?: readonly ({
    readonly type?: unknown;
    readonly ipam?: { readonly type?: unknown };
  } | null)[];
}

/** Programs that it names. A template with loops is no JSON yet, and its programs are not known. */
function pluginsOf(file: string, text: string): readonly string[] {
  if (text.length > TEMPLATE_CHARS_MAX) throw invalid(`${file} has over ${TEMPLATE_CHARS_MAX} characters`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (err) {
    if (text.includes("{{") && /"plugins"\s*:/.test(text)) return [];
    throw invalid(`${file} is not JSON: ${explain(err)}`);
  }
  const { name, plugins } = (parsed ?? {}) as Configuration;
  if (typeof name !== "string" || name === "") throw invalid(`${file} has no name`);
  if (!Array.isArray(plugins) || plugins.length === 0)
    throw invalid(`${file} is not a list: it has no "plugins"`);
  const types = plugins.flatMap((plugin) => [plugin?.type, plugin?.ipam?.type]);
  return [...new Set(types.filter((type) => typeof type === "string" && type !== ""))] as string[];
}

async function requirePlugin(plugin: string, binDir: string): Promise<void> {
  await access(join(binDir, plugin), constants.X_OK).catch((err: unknown) => {
    throw new UserError(`the network plugin ${plugin} is not in ${binDir}`, {
      id: "CNI_PLUGIN_MISSING",
      exitCode: EXIT.unavailable,
      fix: `install it as ${join(binDir, plugin)}`,
      cause: err,
    });
  });
}

function invalid(
  why: string,
  fix = 'a configuration list: {"cniVersion":"1.0.0","name":"mine","plugins":[…]}',
): UserError {
  return new UserError(`--cni: ${why}`, { id: "CNI_INVALID", exitCode: EXIT.usage, fix });
}
