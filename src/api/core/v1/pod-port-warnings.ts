/** Ports of a pod's containers that get in each other's way. @module */
import { field, quote } from "#apimachinery";
import { containersOf } from "../../validation/pod-visit.ts";
import type { ContainerPort, PodSpec } from "./types.gen.ts";

interface PlacedPort {
  readonly port: ContainerPort;
  readonly path: string;
}

export function warningsForPorts(spec: PodSpec, path: string): readonly string[] {
  const ports = containersOf(spec, path).flatMap(([container, at]) =>
    (container.ports ?? []).map((port, i) => ({ port, path: field.index(field.child(at, "ports"), i) })),
  );
  return ports.length === 0 ? [] : [...conflicts(ports), ...repeatedNames(ports)];
}

function conflicts(ports: readonly PlacedPort[]): readonly string[] {
  const seen = new Map<string, PlacedPort[]>();
  const warnings: string[] = [];
  for (const placed of ports) {
    const { port, path } = placed;
    if (port.hostIP && !port.hostPort) warnings.push(`${path}: hostIP set without hostPort: ${asGo(port)}`);
    const key = `${port.containerPort}/${port.protocol ?? ""}`;
    const others = seen.get(key);
    if (others === undefined) {
      seen.set(key, [placed]);
      continue;
    }
    for (const other of others) {
      const problem = conflictOf(port, other.port);
      if (problem !== undefined) warnings.push(`${path}: ${problem} port definition with ${other.path}`);
    }
    others.push(placed);
  }
  return warnings;
}

function conflictOf(a: ContainerPort, b: ContainerPort): string | undefined {
  const [aIp, bIp] = [a.hostIP ?? "", b.hostIP ?? ""];
  const [aPort, bPort] = [a.hostPort ?? 0, b.hostPort ?? 0];
  if (aIp === bIp && aPort === bPort) return "duplicate";
  if (aPort === 0 || bPort === 0) return "overlapping";
  return aPort === bPort && (aIp === "") !== (bIp === "") ? "dangerously ambiguous" : undefined;
}

/** As Go prints a struct. */
function asGo({ name = "", hostPort = 0, containerPort, protocol = "", hostIP = "" }: ContainerPort): string {
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
}

function repeatedNames(ports: readonly PlacedPort[]): readonly string[] {
  const seen = new Map<string, string>();
  return ports.flatMap(({ port: { name = "" }, path }) => {
    if (name === "") return [];
    const other = seen.get(name);
    if (other === undefined) {
      seen.set(name, path);
      return [];
    }
    return [
      `${path}: duplicate port name ${quote(name)} with ${other}, services and probes that select ports by name will use ${other}`,
    ];
  });
}
