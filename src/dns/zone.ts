/** All names of the cluster in memory: answers a question with records, "no data" or "no such name". @module */
import { isIP } from "node:net";
import type { Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { canonicalIp } from "#api/validation/ip-range";
import { keyOf, type ObjectKey } from "#apimachinery";
import { HeadlessNames } from "./headless-names.ts";
import { addressOfReverseName, addressRecord, isReverseName, type RecordData } from "./records.ts";
import { FixedNames, type Pointing } from "./service-names.ts";

export type Lookup =
  | { readonly kind: "records"; readonly records: readonly RecordData[] }
  /** The name exists, but has no record of the type asked for. */
  | { readonly kind: "nodata" }
  | { readonly kind: "nxdomain" }
  /** Not a name of this cluster. */
  | { readonly kind: "foreign" };

/** Of the DNS specification; asked for as TXT of `dns-version.<domain>`. */
const SCHEMA_VERSION: RecordData = { type: "TXT", data: "1.1.0" };

export class Zone {
  readonly #domain: string;
  readonly #services = new Map<ObjectKey, FixedNames | HeadlessNames>();
  /** Address in canonical text -> whose it is; several Services may share one. */
  readonly #pointing = new Map<string, readonly Pointing[]>();
  readonly #namespaces: (name: string) => boolean;

  /** `namespaceExists` decides whether a namespace has a name, and pods' names. */
  constructor(domain: string, namespaceExists: (name: string) => boolean) {
    this.#domain = domain.toLowerCase();
    this.#namespaces = namespaceExists;
  }

  /** `slices` are asked for when some may not have been told of: the Service was another kind of one, or not there, until now. */
  setService(service: Service, slices: () => Iterable<EndpointSlice>): void {
    const key = keyOf(service);
    const { type, clusterIP } = service.spec ?? {};
    if (type !== "ExternalName" && clusterIP === "None") {
      const names = this.#headless(key);
      const isNew = !names.isPublished;
      names.service = service;
      if (!isNew) return;
      for (const slice of slices()) if (!names.has(keyOf(slice))) this.setSlice(key, keyOf(slice), slice);
      return;
    }
    this.#remove(key);
    const names = new FixedNames(service, this.#baseOf(key));
    this.#services.set(key, names);
    for (const address of names.addresses) this.#point(canonicalIp(address), names);
  }

  deleteService(key: ObjectKey): void {
    const names = this.#services.get(key);
    if (names instanceof HeadlessNames && !names.isEmpty) names.service = undefined;
    else this.#remove(key);
  }

  /**
   * Replaces the records of one EndpointSlice of a Service; undefined removes them. False: no name shows them, as with all
   * Services but headless ones.
   */
  setSlice(service: ObjectKey, key: ObjectKey, slice: EndpointSlice | undefined): boolean {
    if (this.#services.get(service) instanceof FixedNames) return false;
    const names = this.#headless(service);
    const { gone, come } = names.setSlice(key, slice);
    for (const one of gone) this.#unpoint(one.reverse, one);
    for (const one of come) this.#point(one.reverse, one);
    if (names.isOrphan) this.#services.delete(service);
    return true;
  }

  /** Those of a Service that is, or may turn out to be, headless. */
  #headless(key: ObjectKey): HeadlessNames {
    const known = this.#services.get(key);
    if (known instanceof HeadlessNames) return known;
    this.#remove(key);
    const names = new HeadlessNames(this.#baseOf(key));
    this.#services.set(key, names);
    return names;
  }

  #remove(key: ObjectKey): void {
    const names = this.#services.get(key);
    this.#services.delete(key);
    if (names instanceof FixedNames)
      for (const address of names.addresses) this.#unpoint(canonicalIp(address), names);
    else for (const one of names?.named() ?? []) this.#unpoint(one.reverse, one);
  }

  #baseOf(key: ObjectKey): string {
    const [namespace, name] = key.split("/");
    return `${name}.${namespace}.svc.${this.#domain}`;
  }

  /** `name` in lower case without the final dot; `type` as A, AAAA, SRV, PTR, CNAME, ANY, ... */
  lookup(name: string, type: string): Lookup {
    const records = this.#recordsOf(name);
    if (records === "foreign" || records === "nxdomain") return { kind: records };
    const fits = records.filter(
      (record) => type === "ANY" || record.type === type || record.type === "CNAME",
    );
    return fits.length > 0 ? { kind: "records", records: fits } : { kind: "nodata" };
  }

  #recordsOf(name: string): readonly RecordData[] | "nxdomain" | "foreign" {
    const domain = this.#domain;
    if (name !== domain && !name.endsWith(`.${domain}`)) return this.#pointersOf(name) ?? "foreign";
    const labels = name.slice(0, -domain.length - 1).split(".");
    const section = labels.pop()!;
    if (labels.length === 0) {
      if (section === "dns-version") return [SCHEMA_VERSION];
      return section === "" || section === "svc" || section === "pod" ? [] : "nxdomain";
    }
    const found =
      section === "svc"
        ? this.#serviceRecords(labels)
        : section === "pod"
          ? this.#podRecords(labels)
          : undefined;
    return found ?? "nxdomain";
  }

  /** `default.svc.cluster.local` exists with its namespace, whether a service is in it or not. */
  #serviceRecords(labels: string[]): readonly RecordData[] | undefined {
    const namespace = labels.pop()!;
    const service = labels.pop();
    if (service === undefined) return this.#namespaces(namespace) ? [] : undefined;
    return this.#services.get(`${namespace}/${service}`)?.records(labels);
  }

  /** `10-244-0-5.default.pod.cluster.local`: answered from the name alone, as CoreDNS does with `pods insecure`. */
  #podRecords(labels: readonly string[]): readonly RecordData[] | undefined {
    if (!this.#namespaces(labels.at(-1)!)) return undefined;
    if (labels.length === 1) return [];
    const [label = ""] = labels;
    if (labels.length > 2) return undefined;
    const address = /^\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}$/.test(label)
      ? label.replaceAll("-", ".")
      : label.replaceAll("-", ":");
    return isIP(address) === 0 ? undefined : [addressRecord(address)];
  }

  #pointersOf(name: string): readonly RecordData[] | undefined {
    const address = isReverseName(name) ? addressOfReverseName(name) : undefined;
    const all = address === undefined ? undefined : this.#pointing.get(address);
    if (all === undefined) return undefined;
    const targets = new Set(all.flatMap((one) => one.pointer() ?? []));
    return targets.size === 0 ? undefined : [...targets].map((data) => ({ type: "PTR", data }));
  }

  #point(canonical: string, whose: Pointing): void {
    this.#pointing.set(canonical, [...(this.#pointing.get(canonical) ?? []), whose]);
  }

  #unpoint(canonical: string, whose: Pointing): void {
    const left = (this.#pointing.get(canonical) ?? []).filter((one) => one !== whose);
    if (left.length > 0) this.#pointing.set(canonical, left);
    else this.#pointing.delete(canonical);
  }
}
