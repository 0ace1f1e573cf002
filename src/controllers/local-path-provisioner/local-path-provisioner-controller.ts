/** Makes volumes of folders on the nodes, for the class `standard` and others of the provisioner `k8ts.io/local-path`. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { isAlreadyExists, keyOf, splitKey, unless } from "#apimachinery";
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { LOCAL_PATH_PROVISIONER, releasedAnnotation } from "#api/core/v1/local-path-volumes";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { storageClassOf } from "#api/core/v1/storage-class-name";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { StorageClass } from "#api/storage/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { carryOut } from "../volume-protection/carry-out.ts";
import { FINALIZER, missingDefaultClass, planProvision, planRelease, provisioningMessage } from "./plan.ts";

/** The namespace whose arrival says that the cluster has its first objects. */
const SYSTEM_NAMESPACE = "kube-system";
/** How long until a claim that could not be served is tried again, if nothing changes. */
const RETRY_MS = 60_000;

/** Safe on a stale cache: volumes are named after their claims, and only what was seen released is deleted. */
export function localPathProvisionerController(context: ControllerContext): Controller {
  const provisioner = new LocalPathProvisioner(context);
  return {
    name: "local-path-provisioner-controller",
    eventSource: LOCAL_PATH_PROVISIONER,
    reconciles: PersistentVolumeClaims as Kind,
    watches: [
      source(PersistentVolumes, ({ metadata }) => [metadata.name]),
      source(Namespaces, ({ metadata }, _old, change) =>
        change === "add" && metadata.name === SYSTEM_NAMESPACE ? [CLASS_KEY] : [],
      ),
    ],
    workers: 1,
    reconcile: (key, signal) => provisioner.reconcile(key, signal),
  };
}

/** Neither a claim's nor a volume's key. */
const CLASS_KEY = "#class";

class LocalPathProvisioner {
  readonly #context: ControllerContext;
  readonly #claims: Lister<PersistentVolumeClaim>;
  readonly #volumes: Lister<PersistentVolume>;
  readonly #classes: Lister<StorageClass>;
  readonly #nodes: Lister<Node>;

  constructor(context: ControllerContext) {
    const { informers } = context;
    this.#context = context;
    this.#claims = informers.lister(PersistentVolumeClaims);
    this.#volumes = informers.lister(PersistentVolumes);
    this.#classes = informers.lister(StorageClasses);
    this.#nodes = informers.lister(Nodes);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    if (key === CLASS_KEY) return await this.#ensureClass(signal);
    if ((splitKey(key).namespace ?? "") !== "") return await this.#provision(key, signal);
    return await this.#release(key, signal);
  }

  /** Every write but the node's carries the resourceVersion that was decided on; told twice, a node finds nothing the second time. */
  async #release(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { client } = this.#context;
    const volume = this.#volumes.get(key);
    if (volume === undefined) return {};
    const { name, uid, resourceVersion } = volume.metadata;
    const p = planRelease(volume, this.#nodes.list());
    switch (p.do) {
      case "nothing":
        return {};
      case "wait":
        return { requeueAfterMs: RETRY_MS };
      case "hold":
        await carryOut(this.#context, PersistentVolumes, volume, FINALIZER, "add", signal);
        return {};
      case "delete": {
        const preconditions = { uid: uid!, resourceVersion: resourceVersion! };
        await unlessGone(client.delete(PersistentVolumes, { name }, signal, { preconditions }));
        return {};
      }
      case "tell": {
        const body = {
          metadata: {
            annotations: { [releasedAnnotation(name)]: volume.spec!.persistentVolumeReclaimPolicy },
          },
        };
        await unlessGone(client.patch(Nodes, { name: p.node }, { type: "merge", body }, signal));
        break;
      }
      case "let-go":
    }
    await carryOut(this.#context, PersistentVolumes, volume, FINALIZER, "remove", signal);
    return {};
  }

  /** Once in the life of the process: a class that the user removes stays away. */
  async #ensureClass(signal: AbortSignal): Promise<Result> {
    const missing = missingDefaultClass(this.#classes.list());
    if (missing === undefined) return {};
    await unless(isAlreadyExists, this.#context.client.create(StorageClasses, missing, signal));
    return {};
  }

  async #provision(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { client, recorder } = this.#context;
    const claim = this.#claims.get(key);
    if (claim === undefined) return {};
    const p = planProvision(claim, this.#classes.get(storageClassOf(claim)), this.#nodes.list());
    if (p.do === "fail") {
      recorder.event(claim, "Warning", "ProvisioningFailed", p.message);
      return { requeueAfterMs: RETRY_MS };
    }
    if (p.do === "nothing" || this.#volumes.get(keyOf(p.volume)) !== undefined) return {};
    recorder.event(claim, "Normal", "Provisioning", provisioningMessage(claim));
    try {
      await client.create(PersistentVolumes, p.volume, signal);
    } catch (err) {
      if (isAlreadyExists(err)) return {};
      throw err;
    }
    const { name } = p.volume.metadata;
    recorder.event(claim, "Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${name}`);
    return {};
  }
}
