/** Environment variables that name the services of a namespace, in the two forms containers know. Pure. @module */
import type { Service, ServicePort } from "#api/core/v1/types.gen";
import { isIPv6 } from "node:net";

/** The service that is visible everywhere. */
const MASTER_SERVICE = { namespace: "default", name: "kubernetes" };

/** Variables for the services of `namespace`, and for the API server's. Without `serviceLinks` only for the latter. */
export function serviceEnv(
  services: readonly Service[],
  namespace: string,
  serviceLinks: boolean,
): ReadonlyMap<string, string> {
  const visible = new Map<string, Service>();
  for (const service of services) {
    const { name, namespace: ns } = service.metadata;
    const { clusterIP, type } = service.spec ?? {};
    if (clusterIP === undefined || clusterIP === "" || clusterIP === "None" || type === "ExternalName")
      continue;
    const isMaster = ns === MASTER_SERVICE.namespace && name === MASTER_SERVICE.name;
    if (isMaster && !visible.has(name)) visible.set(name, service);
    else if (ns === namespace && serviceLinks) visible.set(name, service);
  }
  const env = new Map<string, string>();
  for (const name of [...visible.keys()].toSorted()) addService(env, visible.get(name)!);
  return env;
}

function addService(env: Map<string, string>, service: Service): void {
  const prefix = envName(service.metadata.name);
  const ip = service.spec?.clusterIP ?? "";
  const ports = service.spec?.ports ?? [];
  const [first] = ports;
  if (first === undefined) return;
  env.set(`${prefix}_SERVICE_HOST`, ip);
  env.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const { name, port } of ports) {
    if (name !== undefined && name !== "") env.set(`${prefix}_SERVICE_PORT_${envName(name)}`, String(port));
  }
  for (const [index, port] of ports.entries()) addLink(env, prefix, ip, port, index === 0);
}

/** The form of container links: `WEB_PORT_80_TCP=tcp://10.0.0.1:80`. */
function addLink(
  env: Map<string, string>,
  prefix: string,
  ip: string,
  port: ServicePort,
  first: boolean,
): void {
  const protocol = port.protocol ?? "TCP";
  const url = `${protocol.toLowerCase()}://${isIPv6(ip) ? `[${ip}]` : ip}:${port.port}`;
  if (first) env.set(`${prefix}_PORT`, url);
  const link = `${prefix}_PORT_${port.port}_${protocol}`;
  env.set(link, url);
  env.set(`${link}_PROTO`, protocol.toLowerCase());
  env.set(`${link}_PORT`, String(port.port));
  env.set(`${link}_ADDR`, ip);
}

function envName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
