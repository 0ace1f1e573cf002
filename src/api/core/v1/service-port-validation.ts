/** Rules for the ports of Services. @module */
import { field, isDns1123Label, isPortNumber, isQualifiedName } from "#apimachinery";
import { each, NONE, obeys, requiredOneOf, type Causes } from "../../validation/common.ts";
import { validatePort } from "../../validation/handlers.ts";
import type { ServicePort, ServiceSpec } from "./types.gen.ts";

const PATH = "spec.ports";

export function validateServicePorts({ ports = [] }: ServiceSpec): Causes {
  const names = new Set<string>();
  return each(ports, PATH, (port, at) => [
    ...validateName(port, ports.length > 1, names, field.child(at, "name")),
    ...field.invalidFor(field.child(at, "port"), port.port, isPortNumber(port.port)),
    ...requiredOneOf(port.protocol, ["SCTP", "TCP", "UDP"], field.child(at, "protocol")),
    ...validatePort(port.targetPort ?? 0, field.child(at, "targetPort")),
    ...(port.appProtocol === undefined
      ? NONE
      : obeys(isQualifiedName, port.appProtocol, field.child(at, "appProtocol"))),
  ]);
}

/** Ports need names as soon as there are several. */
function validateName(
  { name = "" }: ServicePort,
  isNeeded: boolean,
  names: Set<string>,
  path: string,
): Causes {
  if (name === "") return isNeeded ? [field.required(path)] : NONE;
  const repeated = names.has(name) ? [field.duplicate(path, name)] : NONE;
  names.add(name);
  return [...obeys(isDns1123Label, name, path), ...repeated];
}

const nodePortPath = (at: string): string => field.child(at, "nodePort");

/** Node ports where there are none, and ports and node ports that stand there twice. */
export function validatePortConflicts({ ports = [], type }: ServiceSpec): Causes {
  const [nodePorts, numbers] = [new Set<string>(), new Set<string>()];
  return [
    ...each(ports, PATH, ({ nodePort = 0 }, at) =>
      type === "ClusterIP" && nodePort !== 0
        ? [field.forbidden(nodePortPath(at), "may not be used when `type` is 'ClusterIP'")]
        : NONE,
    ),
    ...each(ports, PATH, ({ nodePort = 0, protocol = "" }, at) => {
      const key = `${protocol}/${nodePort}`;
      const repeated =
        nodePort !== 0 && nodePorts.has(key) ? [field.duplicate(nodePortPath(at), nodePort)] : NONE;
      nodePorts.add(key);
      return repeated;
    }),
    ...each(ports, PATH, ({ port, protocol = "" }, at) => {
      const key = `${protocol}/${port}`;
      const repeated = numbers.has(key) ? [field.duplicate(at, shownPort(port, protocol))] : NONE;
      numbers.add(key);
      return repeated;
    }),
  ];
}

/** As upstream shows its key: a port of which nothing else is known. */
const shownPort = (port: number, protocol: string): object => ({
  Name: "",
  Protocol: protocol,
  AppProtocol: null,
  Port: port,
  TargetPort: 0,
  NodePort: 0,
});
