/** The names of one Service by the Kubernetes DNS specification 1.1, if it has an address of its own or is an alias. @module */
import type { Service } from "#api/core/v1/types.gen";
import { addressRecord, type RecordData } from "./records.ts";

/** What is at, and below, `NAME.NAMESPACE.svc.DOMAIN`. */
export interface ServiceNames {
  /** `below`: the labels before the service's own. Undefined: no such name; empty: something is below it alone. */
  records(below: readonly string[]): readonly RecordData[] | undefined;
}

/** Whose name an address leads back to. */
export interface Pointing {
  /** Undefined while it is not published. */
  pointer(): string | undefined;
}

export class FixedNames implements ServiceNames, Pointing {
  readonly #service: Service;
  readonly #base: string;

  constructor(service: Service, base: string) {
    this.#service = service;
    this.#base = base;
  }

  /** Those that lead back to it. */
  get addresses(): readonly string[] {
    const { type, clusterIP, clusterIPs } = this.#service.spec ?? {};
    if (type === "ExternalName") return [];
    return (clusterIPs ?? [clusterIP ?? ""]).filter((address) => address !== "");
  }

  pointer(): string {
    return this.#base;
  }

  records(below: readonly string[]): readonly RecordData[] | undefined {
    const { type, externalName = "", ports = [] } = this.#service.spec ?? {};
    const alias = type === "ExternalName" ? externalName.replace(/\.$/, "") : "";
    if (alias !== "") return below.length === 0 ? [{ type: "CNAME", data: alias }] : undefined;
    const { addresses } = this;
    if (addresses.length === 0) return undefined;
    if (below.length === 0) return addresses.map(addressRecord);
    const asked = ports.filter((port) => isPortName(port, below));
    if (asked.length === 0) return undefined;
    if (below.length === 1) return [];
    return asked.map(({ port }) => srvRecord(port, this.#base, 1));
  }
}

/** Whether `_NAME._PROTOCOL`, or the `_PROTOCOL` above it, is of this port. */
export function isPortName(
  { name = "", protocol = "TCP" }: { readonly name?: string; readonly protocol?: string },
  below: readonly string[],
): boolean {
  if (name === "" || below.length > 2 || below.at(-1) !== `_${protocol.toLowerCase()}`) return false;
  return below.length === 1 || below[0] === `_${name}`;
}

export function srvRecord(port: number, target: string, weight: number): RecordData {
  return { type: "SRV", data: { priority: 0, weight, port, target } };
}
