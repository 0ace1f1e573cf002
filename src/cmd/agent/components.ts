/** The cluster's own components as static pods of this node: what `kubectl get pods -n kube-system` shows. @module */
import { statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "#api/core/v1/types.gen";
import { GIT_VERSION } from "#component-base";
import { COMPONENT_ANNOTATION, type Component } from "#cri";
import { agentLogDir, componentLogPath } from "../component-log.ts";
import type { AgentFlags } from "./agent.ts";
import type { HealthCheck } from "./component-health.ts";

interface ComponentShape {
  readonly name: string;
  /** The supervised process that it is part of. */
  readonly process: "server" | "agent";
  readonly tier: "control-plane" | "node";
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly {
    readonly name: string;
    readonly port: number;
    readonly protocol: "TCP" | "UDP";
  }[];
}

const CONTROL_PLANE: readonly ComponentShape[] = [
  { name: "kube-apiserver", process: "server", tier: "control-plane" },
  { name: "kube-controller-manager", process: "server", tier: "control-plane" },
  { name: "kube-scheduler", process: "server", tier: "control-plane" },
];
const NODE: readonly ComponentShape[] = [
  { name: "kube-proxy", process: "agent", tier: "node", labels: { "k8s-app": "kube-proxy" } },
  {
    name: "coredns",
    process: "agent",
    tier: "node",
    labels: { "k8s-app": "kube-dns" },
    ports: [
      { name: "dns", port: 53, protocol: "UDP" },
      { name: "dns-tcp", port: 53, protocol: "TCP" },
    ],
  },
];

/** A component comes up within seconds, and is asked often until then. kubeadm's pods get four minutes too. */
const STARTUP = { periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 240 };
const READINESS = { periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 };

/** Components of this node for the runtime that shows them; `checks` by their names. */
export function componentsOf(
  flags: AgentFlags,
  checks: Readonly<Record<string, HealthCheck>>,
): readonly Component[] {
  return shapesOf(flags, flags.containerRuntime === "containerd").map((shape) => ({
    name: shape.name,
    check: checks[shape.name]!,
    get startedAt() {
      return startOf(flags, shape.process);
    },
    logPath: logPathOf(flags, shape),
  }));
}

export async function writeManifests(flags: AgentFlags, isReal: boolean): Promise<void> {
  await mkdir(flags.podManifestPath, { recursive: true });
  for (const shape of shapesOf(flags, isReal)) {
    const file = join(flags.podManifestPath, `${shape.name}.json`);
    await writeFile(file, `${JSON.stringify(manifest(shape), undefined, 2)}\n`, { mode: 0o600 });
  }
}

function shapesOf({ controlPlane }: AgentFlags, isReal: boolean): readonly ComponentShape[] {
  return [...(controlPlane ? CONTROL_PLANE : []), ...(isReal ? NODE : [])];
}

function manifest({ name, tier, labels, ports = [] }: ComponentShape): Pod {
  const exec = { command: ["healthz"] };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "kube-system",
      labels: { component: name, tier, ...labels },
      annotations: { [COMPONENT_ANNOTATION]: name },
    },
    spec: {
      hostNetwork: true,
      priorityClassName: "system-node-critical",
      priority: 2_000_001_000,
      tolerations: [{ operator: "Exists" }],
      containers: [
        {
          name,
          image: `k8ts/${name}:${GIT_VERSION.replace("+", "-")}`,
          imagePullPolicy: "IfNotPresent",
          startupProbe: { exec, ...STARTUP },
          readinessProbe: { exec, ...READINESS },
          ports: ports.map(({ name: portName, port, protocol }) => ({
            name: portName,
            containerPort: port,
            protocol,
          })),
        },
      ],
    },
  };
}

/** The supervisor writes the child's pid at every start. */
function startOf({ pidDir, nodeName }: AgentFlags, process: ComponentShape["process"]): number {
  if (pidDir === undefined) return 0;
  const file = process === "server" ? "server.child.pid" : `${nodeName}.agent.child.pid`;
  return statSync(join(pidDir, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function logPathOf(flags: AgentFlags, { name, process }: ComponentShape): string | undefined {
  const dir = process === "server" ? flags.logDir : agentLogDir(flags);
  return dir === undefined ? undefined : componentLogPath(dir, name);
}
