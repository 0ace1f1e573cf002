/** `k8ts node add|list|stop|start|delete`: the nodes of a living cluster. @module */
import { rm } from "node:fs/promises";
import { Nodes } from "#api/core/v1/node";
import { isNotFound, unless } from "#apimachinery";
import { adminClient } from "../admin-client.ts";
import { ensureCertificates } from "../certificates.ts";
import { drivers } from "../drivers/index.ts";
import type { LauncherContext } from "../launcher-context.ts";
import { removeLocalVolumes } from "../local-volumes.ts";
import { addressesOf, newNode } from "../new-profile.ts";
import { profilePaths, type LauncherEnv } from "../paths.ts";
import { networkHints } from "../pod-network.ts";
import {
  listProfiles,
  nodeName,
  requireProfile,
  writeProfile,
  type NodeSpec,
  type Profile,
} from "../profile.ts";
import { requireRunning } from "../server-ready.ts";
import { EXIT, UserError } from "../user-error.ts";
import { waitForNodes, type NodesWanted } from "../wait.ts";
import { startNode } from "./start.ts";
import { stopNode } from "./stop.ts";

export async function addNode(
  context: LauncherContext,
  profileName: string,
  waitTimeoutMs: number,
  signal: AbortSignal,
): Promise<NodeSpec> {
  const profile = await requireProfile(context.env, profileName);
  await requireRunning(context.env, profile);
  if (profile.driver === "host") {
    throw new UserError("the host driver has one node: this machine", {
      id: "NODE_ADD_UNSUPPORTED",
      exitCode: EXIT.usage,
      fix: "k8ts start -p OTHER --driver=netns --nodes=2",
    });
  }
  const node = await nextNode(context.env, profile);
  const grown: Profile = { ...profile, nodes: [...profile.nodes, node] };
  const { progress } = context;
  const sinceMs = context.clock.now();
  await progress.step(`Adding ${node.name}`, async () => {
    await ensureCertificates(context.env, grown, context.clock);
    await writeProfile(context.env, grown);
    await drivers[grown.driver].nodeUp(grown, node, signal);
    await startNode(context, grown, node.name);
  });
  for (const line of networkHints(context.env, grown, [node])) progress.info(line);
  await progress.step(`Node Ready: ${node.name}`, () =>
    waitForNodes(context, grown, onlyNode(node.name, sinceMs), waitTimeoutMs, signal),
  );
  return node;
}

export async function deleteNode(
  context: LauncherContext,
  profileName: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const profile = await requireProfile(context.env, profileName);
  await requireRunning(context.env, profile);
  const node = requireNode(profile, name);
  if (node.role === "control-plane") {
    throw new UserError(`${name} is the control plane of the cluster`, {
      id: "NODE_IS_CONTROL_PLANE",
      exitCode: EXIT.usage,
      fix: `k8ts delete -p ${profile.name}`,
    });
  }
  await context.progress.step(`Removing ${name}`, async () => {
    await stopNode(context, profile, name, "delete", signal);
    await drivers[profile.driver].nodeDown(profile, node, signal);
    await using admin = adminClient(context.env, profile, context.clock);
    await unless(isNotFound, admin.client.delete(Nodes, { name }, signal));
    await writeProfile(context.env, { ...profile, nodes: profile.nodes.filter((other) => other !== node) });
    const paths = profilePaths(context.env, profile.name).node(name);
    await removeLocalVolumes(paths.kubelet);
    await rm(paths.dir, { recursive: true, force: true });
    await rm(paths.run, { recursive: true, force: true });
  });
}

export async function stopOneNode(
  context: LauncherContext,
  profileName: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const profile = await requireProfile(context.env, profileName);
  requireNode(profile, name);
  await context.progress.step(`Stopping ${name}`, () => stopNode(context, profile, name, "stop", signal));
}

export async function startOneNode(
  context: LauncherContext,
  profileName: string,
  name: string,
  waitTimeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const profile = await requireProfile(context.env, profileName);
  await requireRunning(context.env, profile);
  const node = requireNode(profile, name);
  const sinceMs = context.clock.now();
  const isNew = await context.progress.step(`Starting ${name}`, async () => {
    await drivers[profile.driver].nodeUp(profile, node, signal);
    return (await startNode(context, profile, name)) !== undefined;
  });
  const wanted = onlyNode(name, sinceMs);
  await context.progress.step(`Node Ready: ${name}`, () =>
    waitForNodes(context, profile, isNew ? wanted : { ...wanted, started: new Set() }, waitTimeoutMs, signal),
  );
}

/** Other nodes of the cluster may be stopped on purpose. */
function onlyNode(name: string, sinceMs: number): NodesWanted {
  return { names: new Set([name]), started: new Set([name]), sinceMs };
}

function requireNode(profile: Profile, name: string): NodeSpec {
  const node = profile.nodes.find((other) => other.name === name);
  if (node !== undefined) return node;
  throw new UserError(`profile "${profile.name}" has no node "${name}"`, {
    id: "NODE_NOT_FOUND",
    exitCode: EXIT.notFound,
    fix: `k8ts node list -p ${profile.name}`,
  });
}

/** The lowest index whose name is free: names and addresses of deleted nodes are used again. */
async function nextNode(env: LauncherEnv, profile: Profile): Promise<NodeSpec> {
  const taken = new Set(profile.nodes.map(({ name }) => name));
  let index = 1;
  while (taken.has(nodeName(profile.name, index))) index++;
  const ips = addressesOf(profile, index);
  const others = (await listProfiles(env)).filter(({ driver }) => driver === profile.driver);
  const nodes = others.flatMap((other) => other.nodes);
  return newNode(profile.name, profile.driver, index, ips, nodes);
}
