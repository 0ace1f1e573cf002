/** The load-balancer addresses that this node is to answer for, and when that may have changed. @module */
import { Nodes } from "#api/core/v1/node";
import { Services } from "#api/core/v1/service";
import type { Node, Service } from "#api/core/v1/types.gen";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import type { IpRange } from "#api/validation/ip-range";
import { type ObjectKey, keyOf } from "#apimachinery";
import type { InformerFactory } from "#client";
import { addressesOf, announcerOf, answeredBy } from "./plan.ts";

const BY_SERVICE = "network/service";

export class WantedAddresses {
  readonly #informers: InformerFactory;
  readonly #nodeName: string;
  readonly #blocks: readonly IpRange[];
  /** Services with addresses. Bounded by the range. */
  readonly #services = new Map<ObjectKey, Service>();
  #changed = Promise.withResolvers<void>();

  /** Before the informers start. */
  constructor(informers: InformerFactory, nodeName: string, blocks: readonly IpRange[]) {
    this.#informers = informers;
    this.#nodeName = nodeName;
    this.#blocks = blocks;
    const track = (service: Service): void => this.#track(service);
    const drop = (service: Service): void => this.#drop(keyOf(service));
    informers.informer(Services).addEventHandler({ onAdd: track, onUpdate: track, onDelete: drop });
    const slices = informers.informer(EndpointSlices);
    slices.addIndexer(BY_SERVICE, serviceKeysOf);
    const onSlice = (slice: EndpointSlice): void => {
      if (serviceKeysOf(slice).some((key) => this.#services.has(key))) this.wake();
    };
    slices.addEventHandler({ onAdd: onSlice, onUpdate: onSlice, onDelete: onSlice });
    const onNode = (node: Node, old?: Node): void => {
      if (old === undefined || answeredBy(node).join() !== answeredBy(old).join()) this.wake();
    };
    const onLost = (): void => this.wake();
    informers
      .informer(Nodes)
      .addEventHandler({ onAdd: (node) => onNode(node), onUpdate: onNode, onDelete: onLost });
  }

  /** Take it before `current`, so that no change falls between. */
  nextChange(): Promise<void> {
    this.#changed = Promise.withResolvers();
    return this.#changed.promise;
  }

  wake(): void {
    this.#changed.resolve();
  }

  current(): ReadonlySet<string> {
    const nodes = this.#informers.lister(Nodes).list();
    const slices = this.#informers.lister(EndpointSlices);
    const mine = [...this.#services].flatMap(([key, service]) =>
      addressesOf(service, this.#blocks).filter(
        (ip) => announcerOf(ip, service, nodes, slices.byIndex(BY_SERVICE, key)) === this.#nodeName,
      ),
    );
    return new Set(mine);
  }

  #track(service: Service): void {
    if (addressesOf(service, this.#blocks).length === 0) return this.#drop(keyOf(service));
    this.#services.set(keyOf(service), service);
    this.wake();
  }

  #drop(key: ObjectKey): void {
    if (this.#services.delete(key)) this.wake();
  }
}
