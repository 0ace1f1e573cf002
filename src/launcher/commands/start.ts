/** `k8ts start`: makes the cluster of a profile, or starts it again with its data. @module */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { ensureAuditPolicy } from "../audit-policy.ts";
import { ensureCertificates } from "../certificates.ts";
import { prepareNodeRuntime } from "../node-runtime.ts";
import { claimAddresses } from "../drivers/bridge.ts";
import { drivers } from "../drivers/index.ts";
import { refuseForeignNodes } from "../drivers/netns.ts";
import { mergeClusterContext } from "../kubeconfigs.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { refuseOwnFlags, withExtraConfig, type ExtraOption } from "../extra-config.ts";
import { failureLog } from "../failure-log.ts";
import { newProfile, withFreePorts, type NewProfileOptions } from "../new-profile.ts";
import { isWithoutNetwork, networkHints, podNetworkOf } from "../pod-network.ts";
import { profilePaths, type LauncherEnv } from "../paths.ts";
import {
  checkDisk,
  checkHome,
  checkInotify,
  checkIPv6,
  checkKernel,
  checkPort,
  checkPrivileges,
  installPackages,
  missingPackages,
} from "../preflight.ts";
import {
  contextName,
  readProfile,
  serverURL,
  writeProfile,
  type NodeSpec,
  type Profile,
} from "../profile.ts";
import { agentName, agentProgram, containerdProgram, serverProgram } from "../programs.ts";
import { parseRegistry } from "../registries.ts";
import { programState } from "../program-state.ts";
import { startProgram } from "../supervisor.ts";
import { EXIT, UserError } from "../user-error.ts";
import { waitForNodes, waitForServer, waitForSystemPods } from "../wait.ts";
import { removeCluster } from "./delete.ts";
import { stopPrograms } from "./stop.ts";

export interface StartOptions extends Omit<NewProfileOptions, "podNetwork"> {
  /** `k8ts`, `none`, or a file with a CNI configuration list. */
  readonly cni: string;
  /** What `start` waits for: the API server alone, the nodes too, or also the pods of kube-system. */
  readonly wait: "none" | "nodes" | "all";
  readonly waitTimeoutMs: number;
}

/** On failure nothing half-made stays: a new cluster is removed again, an old one is stopped and keeps its data. */
export async function start(
  context: LauncherContext,
  given: StartOptions,
  signal: AbortSignal,
): Promise<Profile> {
  const { env, progress } = context;
  checkHome(env);
  const options = await withPodNetwork(given);
  const existing = await readProfile(env, options.profile);
  if (existing !== undefined) refuseChanges(existing, options);
  options.insecureRegistries.forEach(parseRegistry);
  const driver = drivers[existing?.driver ?? options.driver];
  progress.info(
    `k8ts ${existing === undefined ? "makes" : "starts"} the cluster "${options.profile}" (${driver.name})`,
  );

  const missing = await progress.step("Checking this machine", async (note) => {
    checkPrivileges(driver, env);
    checkDisk(env);
    await checkInotify();
    const packages = missingPackages(driver, env.path);
    if (packages.length > 0) note(`to install: ${packages.join(", ")}`);
    return packages;
  });
  if (missing.length > 0) {
    await progress.step(`Installing ${missing.join(", ")}`, () => installPackages(missing, env, signal));
  }
  if (driver.isReal) await progress.step("Kernel", (note) => checkKernel(note, signal));
  const profile =
    existing === undefined
      ? await claimAddresses(() => newCluster(env, options), signal)
      : chosen(env, await readyAgain(env, existing), options);
  try {
    await bringUp(context, profile, options, signal);
  } catch (err) {
    await undo(context, profile, existing === undefined);
    throw existing === undefined ? withLogsGone(err, profile) : err;
  }
  return profile;
}

type ChosenOptions = StartOptions & NewProfileOptions;

async function withPodNetwork(options: StartOptions): Promise<ChosenOptions> {
  const podNetwork = await podNetworkOf(options.cni);
  return podNetwork === undefined ? options : { ...options, podNetwork };
}

async function bringUp(
  context: LauncherContext,
  profile: Profile,
  options: ChosenOptions,
  signal: AbortSignal,
): Promise<void> {
  const { env, progress, clock } = context;
  const driver = drivers[profile.driver];
  const paths = profilePaths(env, profile.name);
  await checkIPv6(profile);
  const isRunning = (await programState(`${paths.dir}/pids`, "server")).childPid !== undefined;
  if (!isRunning && profile.driver !== "netns")
    await checkPort(profile.apiServer.host, profile.apiServer.port);

  await progress.step("Certificates and configuration", async () => {
    await Promise.all(
      [paths.data, paths.logs, paths.pki].map((dir) => mkdir(dir, { recursive: true, mode: 0o700 })),
    );
    await ensureAuditPolicy(env, profile.name);
    await ensureCertificates(env, profile, clock);
    await writeProfile(env, profile);
  });
  if (profile.driver === "netns") {
    await progress.step(`Network: ${profile.nodes.length} node(s) on a private bridge`, () =>
      driver.up(profile, signal),
    );
  }
  const sinceMs = clock.now();
  const started = new Set<string>();
  await progress.step("Control plane", async (note) => {
    await startProgram(serverProgram(env, profile));
    for (const node of await Promise.all(profile.nodes.map((each) => startNode(context, profile, each.name))))
      if (node !== undefined) started.add(node.name);
    await waitForServer(context, profile, options.waitTimeoutMs, signal);
    note(serverURL(profile));
  });
  const wait = waitOf(profile, options);
  if (wait !== "none") {
    const names = profile.nodes.map((node) => node.name);
    await progress.step(`Nodes Ready: ${names.join(", ")}`, () =>
      waitForNodes(
        context,
        profile,
        { names: new Set(names), started, sinceMs },
        options.waitTimeoutMs,
        signal,
      ),
    );
  }
  if (wait === "all") {
    await progress.step("Pods of kube-system Ready", () =>
      waitForSystemPods(context, profile, options.waitTimeoutMs, signal),
    );
  }
  await progress.step("kubeconfig", async (note) => {
    await mergeClusterContext(env, profile, signal);
    note(`context "${contextName(profile.name)}" in ${profile.kubeconfig}`);
  });
  for (const line of networkHints(env, profile, profile.nodes)) progress.info(line);
}

/** Without a network no node becomes Ready, so nobody waits for that unless told to. */
function waitOf(profile: Profile, { wait, isExplicit }: ChosenOptions): StartOptions["wait"] {
  return isWithoutNetwork(profile) && !isExplicit("wait") ? "none" : wait;
}

/** Starts what runs on one node: its container runtime, if it is a real one, and its agent. Undefined: that one ran already. */
export async function startNode(
  context: LauncherContext,
  profile: Profile,
  nodeName: string,
): Promise<NodeSpec | undefined> {
  const { env } = context;
  const node = profile.nodes.find(({ name }) => name === nodeName)!;
  if (drivers[profile.driver].isReal) {
    const command = await prepareNodeRuntime(env, profile, node);
    await startProgram(containerdProgram(env, profile, node, command));
  }
  const { dir, kubelet, podLogs, manifests, cniConf, run } = profilePaths(env, profile.name).node(node.name);
  await Promise.all(
    [dir, kubelet, podLogs, manifests, cniConf, run].map((path) => mkdir(path, { recursive: true })),
  );
  return (await startProgram(agentProgram(env, profile, node))) ? node : undefined;
}

function refuseChanges(profile: Profile, options: ChosenOptions): void {
  const asked: readonly [string, unknown, unknown][] = [
    ["--driver", options.isExplicit("driver") ? options.driver : profile.driver, profile.driver],
    ["--nodes", options.isExplicit("nodes") ? options.nodes : profile.nodes.length, profile.nodes.length],
    ["--cni", networkWord(options.isExplicit("cni") ? options : profile), networkWord(profile)],
  ];
  for (const [flag, wanted, is] of asked) {
    if (wanted === is) continue;
    throw new UserError(
      `profile "${profile.name}" exists with ${flag}=${String(is)}, ${String(wanted)} was asked for`,
      {
        id: "PROFILE_DIFFERS",
        exitCode: EXIT.usage,
        fix:
          flag === "--nodes"
            ? `k8ts node add -p ${profile.name}`
            : `k8ts delete -p ${profile.name}, then start again`,
      },
    );
  }
}

/** Enough to tell configurations apart. */
function networkWord({ podNetwork }: Pick<Profile, "podNetwork">): string {
  if (podNetwork === undefined) return "k8ts";
  const { template } = podNetwork;
  return template === undefined
    ? "none"
    : `sha256:${createHash("sha256").update(template).digest("hex").slice(0, 12)}`;
}

function readyAgain(env: LauncherEnv, profile: Profile): Promise<Profile> {
  const pidDir = `${profilePaths(env, profile.name).dir}/pids`;
  return withFreePorts(
    profile,
    async (node) => (await programState(pidDir, agentName(node))).supervisorPid !== undefined,
  );
}

async function newCluster(env: LauncherEnv, options: ChosenOptions): Promise<Profile> {
  const profile = await newProfile(env, options);
  refuseForeignNodes(profile);
  return chosen(env, profile, options);
}

/** With all that the user chose; refused before anything is made. */
function chosen(env: LauncherEnv, known: Profile, options: StartOptions): Profile {
  checkExtraConfig(env, known, options.extraConfig);
  return withExtraConfig(withRegistries(known, options.insecureRegistries), options.extraConfig);
}

/** Before anything is made: what `start` says itself cannot be said otherwise. */
function checkExtraConfig(env: LauncherEnv, profile: Profile, options: readonly ExtraOption[]): void {
  const { extraConfig: _extra, ...plain } = profile;
  refuseOwnFlags(options, "server", serverProgram(env, plain).command);
  refuseOwnFlags(options, "agent", agentProgram(env, plain, profile.nodes[0]!).command);
}

function withRegistries(profile: Profile, registries: readonly string[]): Profile {
  if (registries.length === 0) return profile;
  return {
    ...profile,
    insecureRegistries: [...new Set([...(profile.insecureRegistries ?? []), ...registries])],
  };
}

/** What is left of the logs was just shown; `k8ts logs` would find no profile. */
function withLogsGone(err: unknown, profile: Profile): unknown {
  if (!(err instanceof UserError) || err.fix?.startsWith("k8ts logs") !== true) return err;
  const { message, id, exitCode, cause } = err;
  const fix = `k8ts start --wait=none -p ${profile.name}, then k8ts logs --problems -p ${profile.name}`;
  return new UserError(message, { id, exitCode, fix, cause });
}

async function undo(context: LauncherContext, profile: Profile, isNew: boolean): Promise<void> {
  const { env, progress } = context;
  const { dir } = profilePaths(env, profile.name);
  const cleanUp = new AbortController().signal; // the caller's signal may be what made the start fail
  if (!existsSync(dir)) return isNew ? drivers[profile.driver].remove(profile, cleanUp) : undefined;
  for (const line of await failureLog(env, profile)) progress.info(line);
  if (isNew) await removeCluster(context, profile, cleanUp);
  else await stopPrograms(context, profile, "stop", cleanUp);
}
