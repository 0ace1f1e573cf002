/**
 * The names of a Service without an address: its endpoints, under its name and each under one of its own. An EndpointSlice that
 * changes is one entry of a map, however many endpoints the others have; what is the same in several is told apart when it is asked for.
 * @module
 */
import type { Service } from "#api/core/v1/types.gen";
import type { Endpoint, EndpointSlice } from "#api/discovery/v1/types.gen";
import { canonicalIp } from "#api/validation/ip-range";
import type { ObjectKey } from "#apimachinery";
import { addressRecord, type AddressRecord, type RecordData } from "./records.ts";
import { isPortName, srvRecord, type Pointing, type ServiceNames } from "./service-names.ts";

/** Shared by the SRV records of one name. */
const WEIGHT_SUM = 100;

type Ports = NonNullable<EndpointSlice["ports"]>;

export class HeadlessNames implements ServiceNames {
  readonly base: string;
  readonly #slices = new Map<ObjectKey, SliceNames>();
  #service: Service | undefined;
  /** Those at the name itself, since the last change. */
  #addresses: readonly RecordData[] | undefined;

  constructor(base: string) {
    this.base = base;
  }

  /** Nothing is published without one: EndpointSlices may be heard of before their Service, and after it. */
  set service(service: Service | undefined) {
    this.#service = service;
    this.#addresses = undefined;
  }

  get isPublished(): boolean {
    return this.#service !== undefined;
  }

  has(slice: ObjectKey): boolean {
    return this.#slices.has(slice);
  }

  get isEmpty(): boolean {
    return this.#slices.size === 0;
  }

  /** Nobody would miss it. */
  get isOrphan(): boolean {
    return this.isEmpty && !this.isPublished;
  }

  /** Undefined takes it away. Returns which of its endpoints lead back to it, before and now. */
  setSlice(
    key: ObjectKey,
    slice: EndpointSlice | undefined,
  ): Record<"gone" | "come", readonly NamedAddress[]> {
    const gone = this.#slices.get(key)?.named ?? [];
    const now = slice === undefined ? undefined : sliceNames(slice, this);
    if (now === undefined) this.#slices.delete(key);
    else this.#slices.set(key, now);
    this.#addresses = undefined;
    return { gone, come: now?.named ?? [] };
  }

  /** All of them. */
  named(): readonly NamedAddress[] {
    return [...this.#slices.values()].flatMap(({ named }) => named);
  }

  publishes({ isReady }: NamedAddress): boolean {
    return this.isPublished && (isReady || this.#service?.spec?.publishNotReadyAddresses === true);
  }

  records(below: readonly string[]): readonly RecordData[] | undefined {
    const [label] = below;
    if (below.at(-1)?.startsWith("_") === true) return this.#portRecords(below);
    if (below.length > 1) return undefined;
    const found =
      label === undefined
        ? (this.#addresses ??= this.#distinct(({ all }) => all))
        : this.#distinct((slice) => slice.labelled(label));
    return found.length === 0 ? undefined : found;
  }

  #distinct(of: (slice: SliceNames) => readonly NamedAddress[]): readonly RecordData[] {
    const found = new Map<string, RecordData>();
    for (const slice of this.#slices.values())
      for (const one of of(slice)) if (this.publishes(one)) found.set(one.record.data, one.record);
    return [...found.values()];
  }

  #portRecords(below: readonly string[]): readonly RecordData[] | undefined {
    const weight = below.length === 1 ? 0 : this.#weight();
    const found: RecordData[] = [];
    const seen = new Map<number, Set<string>>();
    for (const { ports, all } of this.#slices.values()) {
      for (const { port, ...named } of ports) {
        if (port === undefined || !isPortName(named, below)) continue;
        const labels = seen.get(port) ?? new Set();
        seen.set(port, labels);
        for (const one of all) {
          if (!this.publishes(one) || labels.has(one.label)) continue;
          if (below.length === 1) return []; // that there is one is all that is asked
          labels.add(one.label);
          found.push(srvRecord(port, one.target(), weight));
        }
      }
    }
    return found.length === 0 ? undefined : found;
  }

  #weight(): number {
    let count = 0;
    for (const slice of this.#slices.values())
      for (const one of slice.all) if (one.isFirst && this.publishes(one)) count++;
    return Math.max(1, Math.floor(WEIGHT_SUM / count));
  }
}

/** What one EndpointSlice gives to the names of its Service; never changed. */
class SliceNames {
  readonly ports: Ports;
  readonly all: readonly NamedAddress[];
  /** Those with a hostname, to which their addresses lead back. */
  readonly named: readonly NamedAddress[];
  readonly #byLabel = new Map<string, NamedAddress | NamedAddress[]>();

  constructor(ports: Ports, all: readonly NamedAddress[]) {
    this.ports = ports;
    this.all = all;
    this.named = all.filter(({ reverse }) => reverse !== "");
    for (const one of all) {
      const same = this.#byLabel.get(one.label);
      if (Array.isArray(same)) same.push(one);
      else this.#byLabel.set(one.label, same === undefined ? one : [same, one]);
    }
  }

  labelled(label: string): readonly NamedAddress[] {
    const found = this.#byLabel.get(label) ?? [];
    return Array.isArray(found) ? found : [found];
  }
}

/** One address of an endpoint, under its name. */
export class NamedAddress implements Pointing {
  readonly record: AddressRecord;
  /** The endpoint's hostname, or its address with dashes, as CoreDNS names it. */
  readonly label: string;
  /** The address in canonical text, if it leads back to the name: those of endpoints with a hostname do. */
  readonly reverse: string;
  readonly isReady: boolean;
  /** Of the endpoint's addresses. */
  readonly isFirst: boolean;
  readonly #service: HeadlessNames;

  constructor(
    { hostname = "", conditions }: Endpoint,
    address: string,
    isFirst: boolean,
    service: HeadlessNames,
  ) {
    this.record = addressRecord(address);
    this.label = hostname === "" ? address.replaceAll(/[.:]/g, "-") : hostname;
    this.reverse = hostname === "" ? "" : canonicalText(address);
    this.isReady = conditions?.ready !== false;
    this.isFirst = isFirst;
    this.#service = service;
  }

  target(): string {
    return `${this.label}.${this.#service.base}`;
  }

  pointer(): string | undefined {
    return this.#service.publishes(this) ? this.target() : undefined;
  }
}

/** Undefined for one that has nothing to give. */
function sliceNames(
  { addressType, ports = [], endpoints = [] }: EndpointSlice,
  service: HeadlessNames,
): SliceNames | undefined {
  if (addressType === "FQDN") return undefined;
  const all = endpoints.flatMap((endpoint) =>
    endpoint.addresses.map((address, index) => new NamedAddress(endpoint, address, index === 0, service)),
  );
  return all.length === 0 ? undefined : new SliceNames(ports, all);
}

/** `fd00:10:244:1::5`, whose zeros are all in the gap of two groups at least: canonical as it is. */
const PLAIN_V6 = /^(?!(?:[^:]*:){7})(?:[1-9a-f][\da-f]{0,3}:)+(?::[1-9a-f][\da-f]{0,3})+$/;

/** The text itself where it is canonical, so that it is kept once. */
function canonicalText(address: string): string {
  if (!address.includes(":") || PLAIN_V6.test(address)) return address;
  const text = canonicalIp(address);
  return text === address ? address : text;
}
