/** Where a webhook is: a URL as it stands, or a Service by the addresses behind it. @module */
import { StatusError } from "#apimachinery";
import type { WebhookClientConfig } from "#api/admissionregistration/v1/types.gen";
import type { Endpoints, Service } from "#api/core/v1/types.gen";
import type { ObjectLookup } from "../object-lookup.ts";

const DEFAULT_PORT = 443;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The address of one of the pods behind a port of a Service. */
export type ServiceResolver = (namespace: string, name: string, port: number) => Address;

export interface Target {
  /** As it is shown, with the name by which its certificate is checked. */
  readonly url: URL;
  /** Where it is dialed, when not at the URL's own host. */
  readonly address?: Address;
  /** Why it can be dialed nowhere: the Service is not there, or nobody is behind it. */
  readonly unresolved?: unknown;
}

export function targetOf(
  { url, service }: Pick<WebhookClientConfig, "url" | "service">,
  resolve: ServiceResolver,
): Target {
  if (service === undefined) return { url: new URL(url!) };
  const { namespace, name, port = DEFAULT_PORT, path = "" } = service;
  const shown = new URL(`https://${name}.${namespace}.svc:${port}`);
  const [pathname = "", search = ""] = path.split("?", 2);
  shown.pathname = pathname;
  shown.search = search;
  try {
    return { url: shown, address: resolve(namespace, name, port) };
  } catch (unresolved) {
    return { url: shown, unresolved };
  }
}

/** Straight to the pods: the server need not be on a machine that knows the addresses of Services. */
export function serviceResolver(lookup: ObjectLookup, random: () => number): ServiceResolver {
  return (namespace, name, port) => {
    const service = lookup.get("core/services", namespace, name) as Service | undefined;
    if (service === undefined) {
      throw new StatusError("NotFound", `service ${JSON.stringify(name)} not found`);
    }
    const { externalName, ports = [], type } = service.spec ?? {};
    if (type === "ExternalName") return { host: externalName ?? "", port };
    const found = ports.find((candidate) => candidate.port === port);
    if (found === undefined) {
      throw new StatusError(
        "ServiceUnavailable",
        `no service port ${port} found for service ${JSON.stringify(name)}`,
      );
    }
    const endpoints = lookup.get("core/endpoints", namespace, name) as Endpoints | undefined;
    const addresses = addressesOf(endpoints, found.name ?? "");
    const chosen = addresses[Math.floor(random() * addresses.length)];
    if (chosen !== undefined) return chosen;
    throw new StatusError("ServiceUnavailable", `no endpoints available for service ${JSON.stringify(name)}`);
  };
}

function addressesOf(endpoints: Endpoints | undefined, portName: string): readonly Address[] {
  return (endpoints?.subsets ?? []).flatMap(({ addresses = [], ports = [] }) => {
    const port = ports.find(({ name = "" }) => name === portName)?.port;
    return port === undefined ? [] : addresses.map(({ ip }) => ({ host: ip, port }));
  });
}
