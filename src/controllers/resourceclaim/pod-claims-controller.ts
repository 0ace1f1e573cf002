/** Makes the ResourceClaims of pods from templates, and reserves claims for pods that the scheduler never saw. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { controllerOf, keyOf, messageOf } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import type { Pod, PodResourceClaim } from "#api/core/v1/types.gen";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceClaimTemplates } from "#api/resource/v1/resourceclaimtemplate";
import type { ResourceClaim } from "#api/resource/v1/types.gen";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { ensureIndex } from "../indexes.ts";
import { OwnWrites } from "../own-writes.ts";
import { unlessGone } from "../unless-gone.ts";
import type { ClaimWorld } from "./plan-pod.ts";
import { claimsToReserve, claimStatusesOf, planClaimOfPod, reservedFor } from "./plan-pod.ts";
import { indexPodsByResourceClaim, podsNaming } from "./pod-claims.ts";

const BY_TEMPLATE = "controllers/resourceclaimtemplate";
const FIELD_MANAGER = "ResourceClaimController";

/** Safe on a stale cache: a pod waits until the cache shows the claims made for it; reservations carry the resourceVersion. */
export function podResourceClaimsController(context: ControllerContext): Controller {
  const { informers } = context;
  const pods = informers.informer(Pods);
  indexPodsByResourceClaim(pods);
  ensureIndex(pods, BY_TEMPLATE, ({ metadata, spec }) =>
    (spec?.resourceClaims ?? []).flatMap(({ resourceClaimTemplateName: name }) =>
      name === undefined ? [] : [`${metadata.namespace}/${name}`],
    ),
  );
  const maker = new ClaimMaker(context);
  return {
    name: "resourceclaim-controller-pods",
    reconciles: Pods as Kind,
    enqueues: (object) => ((object as unknown as Pod).spec?.resourceClaims ?? []).length > 0,
    owns: [ResourceClaims as unknown as Kind],
    watches: [
      source(ResourceClaims, (claim) => podsNaming(pods.lister, claim).map(keyOf)),
      source(ResourceClaimTemplates, (template, _old, change) =>
        change === "delete" ? [] : pods.lister.byIndex(BY_TEMPLATE, keyOf(template)).map(keyOf),
      ),
    ],
    workers: 50,
    async reconcile(key, signal) {
      const pod = pods.lister.get(key);
      if (pod === undefined) {
        maker.forget(key);
        return {};
      }
      return pod.metadata.deletionTimestamp === undefined ? await maker.serve(key, pod, signal) : {};
    },
  };
}

class ClaimMaker {
  readonly #context: ControllerContext;
  readonly #claims;
  readonly #templates;
  readonly #ownWrites: OwnWrites;

  constructor(context: ControllerContext) {
    const claims = context.informers.informer(ResourceClaims);
    this.#context = context;
    this.#claims = claims.lister;
    this.#templates = context.informers.lister(ResourceClaimTemplates);
    this.#ownWrites = new OwnWrites(context.clock, claims);
  }

  forget(key: ObjectKey): void {
    this.#ownWrites.forget(key);
  }

  async serve(key: ObjectKey, pod: Pod, signal: AbortSignal): Promise<Result> {
    if (!this.#ownWrites.settled(key)) return {};
    const world = this.#worldOf(pod);
    const found = new Map<string, string>();
    for (const podClaim of pod.spec?.resourceClaims ?? []) {
      const name = await this.#ensure(key, pod, podClaim, world, signal);
      if (name !== undefined) found.set(podClaim.name, name);
    }
    const statuses = claimStatusesOf(pod, found);
    const current = statuses === undefined ? pod : await this.#note(pod, statuses, signal);
    for (const claim of current === undefined ? [] : claimsToReserve(current, world.claim)) {
      const write = this.#context.client.updateStatus(ResourceClaims, reservedFor(claim, pod), signal);
      await unlessGone(write);
    }
    return {};
  }

  #worldOf(pod: Pod): ClaimWorld {
    const { namespace } = pod.metadata;
    return {
      claim: (name) => this.#claims.get(`${namespace}/${name}`),
      owned: this.#claims.controlledBy(pod).filter((claim) => controllerOf(claim)?.kind === "Pod"),
      template: (name) => this.#templates.get(`${namespace}/${name}`),
    };
  }

  /** The name that the status is to tell; undefined: nothing new. */
  async #ensure(
    key: ObjectKey,
    pod: Pod,
    podClaim: PodResourceClaim,
    world: ClaimWorld,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    try {
      const step = planClaimOfPod(pod, podClaim, world);
      if (step.action === "nothing") return undefined;
      if (step.action === "use") return step.name;
      return (await this.#create(key, step.claim, signal)).metadata.name;
    } catch (err) {
      const message = `PodResourceClaim ${podClaim.name}: ${messageOf(err)}`;
      this.#context.recorder.event(pod, "Warning", "FailedResourceClaimCreation", message);
      throw new Error(`pod ${key}, ${message}`, { cause: err });
    }
  }

  async #create(key: ObjectKey, claim: ResourceClaim, signal: AbortSignal): Promise<ResourceClaim> {
    const requests = claim.spec.devices?.requests ?? [];
    const isAdmin = requests.some(({ exactly }) => exactly?.adminAccess === true);
    const count = (status: string): void =>
      this.#context.metrics?.inc("resourceclaim_controller_creates_total", {
        status,
        admin_access: String(isAdmin),
      });
    try {
      const created = await this.#context.client.create(ResourceClaims, claim, signal);
      this.#ownWrites.created(key, created);
      count("success");
      return created;
    } catch (err) {
      count("failure");
      throw new Error(`create ResourceClaim : ${messageOf(err)}`, { cause: err });
    }
  }

  async #note(
    pod: Pod,
    resourceClaimStatuses: readonly object[],
    signal: AbortSignal,
  ): Promise<Pod | undefined> {
    const { name, namespace, uid } = pod.metadata;
    const body = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, uid },
      status: { resourceClaimStatuses },
    };
    const patch = { type: "apply", body, force: true } as const;
    const options = { subresource: "status", fieldManager: FIELD_MANAGER };
    return await unlessGone(this.#context.client.patch(Pods, pod.metadata, patch, signal, options));
  }
}
