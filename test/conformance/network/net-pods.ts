/**
 * Pods that answer and pods that ask. Both run the programs beside this file with the Node of this process, which the nodes of a
 * launched cluster find where the machine has them.
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { realpathSync } from "node:fs";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Container, EnvVar, Pod, PodSpec } from "#api/core/v1/types.gen";
import { WEB_IMAGE, type ContainersContext } from "../harness/index.ts";
import { isPodReady, type Labels } from "../apps/workloads.ts";
import type { Asking } from "./programs/ask.ts";
import type { Query } from "./programs/query.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PROGRAMS = "/k8ts/test/conformance/network/programs";
const NODE = "/node/node";
/** Where a program of the machine finds its libraries. */
const LIBRARIES = ["/lib", "/lib64"];
/** Default port of a server. */
export const HTTP = 80;

export interface NetPod {
  readonly labels?: Labels;
  /** Bound to the node, whatever the scheduler would say. */
  readonly nodeName?: string;
  /** `http:80`, `udp:81`, … A server needs one that speaks HTTP, for its probe; default `http:80`. */
  readonly serves?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
}

export function serverPod(t: ContainersContext, name: string, options: NetPod = {}): Pod {
  const serves = options.serves ?? [`http:${HTTP}`];
  const port = Number(serves.find((one) => one.startsWith("http:"))?.slice("http:".length));
  const readinessProbe = { tcpSocket: { port }, periodSeconds: 1 };
  return podOf(t, name, options, {
    command: [NODE, `${PROGRAMS}/responder.ts`, ...serves],
    env: [{ name: "NAME", value: name }, ...(options.env ?? [])],
    readinessProbe,
  });
}

/** Resolves with the Ready pod, whose `status.podIP` is known. */
export async function startServer(t: ContainersContext, name: string, options: NetPod = {}): Promise<Pod> {
  return start(t, serverPod(t, name, options));
}

/** A pod that `ask` and `query` run in. */
export async function startClient(t: ContainersContext, name = "client", options: NetPod = {}): Promise<Pod> {
  return start(t, podOf(t, name, options, { command: ["sleep", "3600"] }));
}

async function start(t: ContainersContext, pod: Pod): Promise<Pod> {
  const { metadata } = await t.client.create(Pods, pod, t.signal);
  return t.waitFor(Pods, metadata, (now) => now !== undefined && isPodReady(now));
}

function podOf(t: ContainersContext, name: string, options: NetPod, container: Partial<Container>): Pod {
  const folders = [
    ...LIBRARIES.map((path) => ({ name: path.slice(1), mountPath: path, path: realpathSync(path) })),
    { name: "node", mountPath: "/node", path: dirname(realpathSync(process.execPath)) },
    { name: "k8ts", mountPath: "/k8ts", path: ROOT },
  ];
  const volumeMounts = folders.map((one) => ({ name: one.name, mountPath: one.mountPath, readOnly: true }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: t.namespace, labels: options.labels ?? {} },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      ...(options.nodeName !== undefined && { nodeName: options.nodeName }),
      ...options.spec,
      containers: [{ name: "main", image: WEB_IMAGE, ...container, volumeMounts, ...options.container }],
      volumes: folders.map((one) => ({ name: one.name, hostPath: { path: one.path } })),
    },
  };
}

/** What each of them answers; fails the test when what it waits for does not come. */
export async function ask(
  t: ContainersContext,
  client: string,
  ...askings: readonly Asking[]
): Promise<readonly (readonly string[])[]> {
  return JSON.parse(await run(t, client, "ask.ts", askings)) as readonly (readonly string[])[];
}

/** Fails the test when the records do not become the wanted ones. */
export async function query(
  t: ContainersContext,
  client: string,
  ...queries: readonly Query[]
): Promise<void> {
  await run(t, client, "query.ts", queries);
}

/** Standard output. */
async function run(
  t: ContainersContext,
  client: string,
  program: string,
  what: readonly object[],
): Promise<string> {
  const argument = JSON.stringify(what);
  const { code, stdout, stderr } = await t.tryKubectl([
    "exec",
    client,
    "--",
    NODE,
    `${PROGRAMS}/${program}`,
    argument,
  ]);
  assert.equal(code, 0, `${client} got, for ${argument}: ${stdout}${stderr}`);
  return stdout;
}

export interface NodeAddress {
  readonly name: string;
  readonly ip: string;
}

export async function nodesOf(t: ContainersContext): Promise<readonly NodeAddress[]> {
  const { items } = await t.client.list(Nodes, {}, t.signal);
  return items.map(({ metadata, status }) => ({
    name: metadata.name,
    ip: status?.addresses?.find(({ type }) => type === "InternalIP")?.address ?? "",
  }));
}
