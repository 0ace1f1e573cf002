/** What a table holds for all services: their ports, what they share, and what they have been promised of addresses. @module */
import type { ObjectKey } from "#apimachinery";
import { Claims } from "./claims.ts";
import { clientsMap, type ObjectOptions } from "./nftables/objects.ts";
import { TableContent, Transaction } from "./nftables/transaction.ts";
import { emptyPlan, type HealthCheck, type ServicePlan, type TrafficPolicy } from "./plan.ts";
import { PortState } from "./port-state.ts";
import { SharedElements } from "./shared-elements.ts";
import { SERVICE_UNITS, type Turns } from "./turns.ts";

interface Held {
  readonly plan: ServicePlan;
  /** By ids of ports. */
  readonly ports: ReadonlyMap<string, PortState>;
}

const NOTHING: Held = { plan: emptyPlan, ports: new Map() };

export class ServiceStates {
  readonly #content: TableContent;
  readonly #held = new Map<ObjectKey, Held>();
  readonly #claims = new Claims();
  readonly #clusterIPs = new SharedElements("cluster-ips");
  readonly #hairpins = new SharedElements("hairpin-connections", (ip) => `${ip} . ${ip}`);
  readonly #healthChecks = new Map<ObjectKey, HealthCheck>();
  readonly #withoutLocal: Record<TrafficPolicy, number> = { internal: 0, external: 0 };

  constructor(options: ObjectOptions) {
    this.#content = new TableContent(options);
  }

  /** Of services that have one, by their keys. */
  get healthChecks(): ReadonlyMap<ObjectKey, HealthCheck> {
    return this.#healthChecks;
  }

  /** Ports of services whose traffic policy found no endpoint here. */
  get withoutLocal(): Readonly<Record<TrafficPolicy, number>> {
    return this.#withoutLocal;
  }

  /** Of ports with session affinity: map of clients -> endpoints and their slots. */
  affinities(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    const affinities = new Map<string, ReadonlyMap<string, number>>();
    for (const { plan, ports } of this.#held.values())
      for (const { id, affinitySeconds: seconds } of plan.ports)
        if (seconds !== undefined) affinities.set(clientsMap({ id, seconds }), ports.get(id)!.slots);
    return affinities;
  }

  begin(table: string): Transaction {
    return new Transaction(this.#content, table);
  }

  /** Writes what differs into the transaction. What is held afterwards is right only if nft takes it. */
  async update(plans: ReadonlyMap<ObjectKey, ServicePlan>, tx: Transaction, turns: Turns): Promise<void> {
    const next = new Map(plans);
    for (const [service, plan] of plans) {
      for (const heir of this.#reclaim(service, plan))
        if (!next.has(heir)) next.set(heir, this.#held.get(heir)!.plan);
      await turns.spend(1);
    }
    for (const [service, plan] of next) {
      for (const looked of this.#update(service, plan, tx)) await turns.spend(looked);
      await turns.spend(SERVICE_UNITS);
    }
  }

  /** Gives the services that take over what this one has let go. */
  #reclaim(service: ObjectKey, plan: ServicePlan): readonly ObjectKey[] {
    const heirs: ObjectKey[] = [];
    const wanted = plan.ports.flatMap(({ frontends }) => frontends);
    const kept = new Set(wanted.map(({ scope, key }) => `${scope} ${key}`));
    for (const frontend of this.#held.get(service)?.plan.ports.flatMap((port) => port.frontends) ?? []) {
      if (kept.has(`${frontend.scope} ${frontend.key}`)) continue;
      const heir = this.#claims.release(service, frontend);
      if (heir !== undefined) heirs.push(heir);
    }
    for (const frontend of wanted) this.#claims.claim(service, frontend);
    return heirs;
  }

  *#update(service: ObjectKey, plan: ServicePlan, tx: Transaction): Generator<number, void> {
    const held = this.#held.get(service) ?? NOTHING;
    const plansBefore = new Map(held.plan.ports.map((port) => [port.id, port]));
    const ports = new Map<string, PortState>();
    for (const port of plan.ports) {
      const before = plansBefore.get(port.id);
      const isKept = before !== undefined && isAffine(before) === isAffine(port);
      const state = isKept ? held.ports.get(port.id)! : new PortState();
      if (isKept) plansBefore.delete(port.id);
      ports.set(port.id, state);
      const own = port.frontends.filter((frontend) => this.#claims.has(service, frontend));
      yield* state.update(port, own, tx);
    }
    for (const [id, port] of plansBefore) yield* held.ports.get(id)!.remove(port, tx);
    yield* this.#clusterIPs.update(held.plan.clusterIPs, plan.clusterIPs, tx);
    yield* this.#hairpins.update(held.plan.hairpins, plan.hairpins, tx);
    this.#remember(service, { plan, ports }, held);
  }

  #remember(service: ObjectKey, next: Held, held: Held): void {
    for (const [{ plan }, step] of [[held, -1] as const, [next, 1] as const])
      for (const policy of plan.ports.flatMap(({ withoutLocal }) => withoutLocal))
        this.#withoutLocal[policy] += step;
    if (next.plan.ports.length === 0) this.#held.delete(service);
    else this.#held.set(service, next);
    const { healthCheck } = next.plan;
    if (healthCheck === undefined) this.#healthChecks.delete(service);
    else this.#healthChecks.set(service, healthCheck);
  }
}

function isAffine({ affinitySeconds }: { readonly affinitySeconds: number | undefined }): boolean {
  return affinitySeconds !== undefined;
}
