/** All names of the cluster in memory: answers a question with records, "no data" or "no such name". @module */
import { isIP } from "node:net";
import type { ObjectKey } from "#apimachinery";
import { addressRecord, type NamedRecord, type RecordData } from "./records.ts";

export type Lookup =
  | { readonly kind: "records"; readonly records: readonly RecordData[] }
  /** The name exists, but has no record of the type asked for. */
  | { readonly kind: "nodata" }
  | { readonly kind: "nxdomain" }
  /** Not a name of this cluster. */
  | { readonly kind: "foreign" };

/** Of the DNS specification; asked for as TXT of `dns-version.<domain>`. */
const SCHEMA_VERSION = "1.1.0";
const VERSION_KEY = "";

export class Zone {
  readonly #domain: string;
  readonly #byService = new Map<ObjectKey, readonly NamedRecord[]>();
  /** Name -> records with the service they came from; several services may share an address's reverse name. */
  readonly #names = new Map<string, { readonly key: ObjectKey; readonly record: RecordData }[]>();
  /** Names that exist because something exists below them -> how many do. */
  readonly #parents = new Map<string, number>();
  readonly #namespaces: (name: string) => boolean;

  /** `namespaceExists` decides whether pod names of a namespace are answered. */
  constructor(domain: string, namespaceExists: (name: string) => boolean) {
    this.#domain = domain.toLowerCase();
    this.#namespaces = namespaceExists;
    for (const name of [this.#domain, `svc.${this.#domain}`, `pod.${this.#domain}`])
      this.#parents.set(name, 1);
    this.set(VERSION_KEY, [
      { name: `dns-version.${this.#domain}`, record: { type: "TXT", data: SCHEMA_VERSION } },
    ]);
  }

  /** Replaces the records of one service; none removes it. */
  set(key: ObjectKey, records: readonly NamedRecord[]): void {
    for (const { name } of this.#byService.get(key) ?? []) {
      const left = (this.#names.get(name) ?? []).filter((entry) => entry.key !== key);
      if (left.length > 0) this.#names.set(name, left);
      else this.#names.delete(name);
      this.#countParents(name, -1);
    }
    if (records.length === 0) this.#byService.delete(key);
    else this.#byService.set(key, records);
    for (const { name, record } of records) {
      const entries = this.#names.get(name) ?? [];
      entries.push({ key, record });
      this.#names.set(name, entries);
      this.#countParents(name, 1);
    }
  }

  /** `name` in lower case without the final dot; `type` as A, AAAA, SRV, PTR, CNAME, ANY, ... */
  lookup(name: string, type: string): Lookup {
    const isReverse = name.endsWith(".in-addr.arpa") || name.endsWith(".ip6.arpa");
    const isOurs = name === this.#domain || name.endsWith(`.${this.#domain}`);
    const entries = this.#names.get(name);
    if (entries === undefined) {
      if (!isOurs || isReverse) return { kind: "foreign" };
      const isParent = this.#parents.has(name) || this.#isNamespace(name);
      return this.#podRecord(name, type) ?? { kind: isParent ? "nodata" : "nxdomain" };
    }
    const fits = entries.filter(
      ({ record }) => type === "ANY" || record.type === type || record.type === "CNAME",
    );
    return fits.length > 0
      ? { kind: "records", records: fits.map(({ record }) => record) }
      : { kind: "nodata" };
  }

  /** `default.svc.cluster.local` exists with its namespace, whether a service is in it or not. */
  #isNamespace(name: string): boolean {
    const suffix = `.svc.${this.#domain}`;
    return name.endsWith(suffix) && this.#namespaces(name.slice(0, -suffix.length));
  }

  /** `10-244-0-5.default.pod.cluster.local`: answered from the name alone, as CoreDNS does with `pods insecure`. */
  #podRecord(name: string, type: string): Lookup | undefined {
    const suffix = `.pod.${this.#domain}`;
    if (!name.endsWith(suffix)) return undefined;
    const [label, namespace, ...rest] = name.slice(0, -suffix.length).split(".");
    if (rest.length > 0 || label === undefined) return undefined;
    if (namespace === undefined) return this.#namespaces(label) ? { kind: "nodata" } : undefined;
    if (!this.#namespaces(namespace)) return undefined;
    const address = /^\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}$/.test(label)
      ? label.replaceAll("-", ".")
      : label.replaceAll("-", ":");
    if (isIP(address) === 0) return undefined;
    const record = addressRecord(address);
    return record.type === type || type === "ANY"
      ? { kind: "records", records: [record] }
      : { kind: "nodata" };
  }

  #countParents(name: string, step: number): void {
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const parent = name.slice(dot + 1);
      if (parent !== this.#domain && !parent.endsWith(`.${this.#domain}`)) return;
      const count = (this.#parents.get(parent) ?? 0) + step;
      if (count > 0) this.#parents.set(parent, count);
      else this.#parents.delete(parent);
    }
  }
}
