/** Mirror pods: how static pods show in the API. They follow their static pod and are never run themselves. @module */
import { isAlreadyExists, isConflict, isNotFound, type Logger } from "#apimachinery";
import type { Client } from "#client";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import {
  CONFIG_HASH_ANNOTATION,
  CONFIG_MIRROR_ANNOTATION,
  fullNameOf,
  uidOf,
} from "../container/pod-spec.ts";

export interface MirrorOptions {
  readonly client: Client;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly nodeUid: () => string | undefined;
}

export class MirrorPods {
  readonly #options: MirrorOptions;
  /** Full name -> the mirror that the API shows. */
  readonly #mirrors = new Map<string, Pod>();
  /** Uids of mirrors that the watch has told the end of while one is being created: its answer may come after that. */
  readonly #ended = new Set<string>();

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  of(pod: Pod): Pod | undefined {
    return this.#mirrors.get(fullNameOf(pod));
  }

  list(): readonly Pod[] {
    return [...this.#mirrors.values()];
  }

  seen(mirror: Pod): void {
    this.#mirrors.set(fullNameOf(mirror), mirror);
  }

  /** Another one may have its name by now. */
  gone(mirror: Pod): void {
    this.#ended.add(uidOf(mirror));
    const shown = this.of(mirror);
    if (shown !== undefined && uidOf(shown) === uidOf(mirror)) this.#mirrors.delete(fullNameOf(mirror));
  }

  /** Makes the mirror of a static pod, in place of one that is out of date or being deleted; one call at a time. */
  async ensure(pod: Pod, signal: AbortSignal): Promise<void> {
    const { client, nodeName, nodeUid } = this.#options;
    const hash = pod.metadata.annotations?.[CONFIG_HASH_ANNOTATION] ?? "";
    const present = this.of(pod);
    if (present !== undefined) {
      const current = present.metadata.annotations?.[CONFIG_MIRROR_ANNOTATION] === hash;
      if (current && present.metadata.deletionTimestamp === undefined) return;
      await this.remove(present, signal);
    }
    const uid = nodeUid();
    if (uid === undefined) return;
    const { uid: _uid, resourceVersion: _version, ...metadata } = pod.metadata;
    const owner = { apiVersion: "v1", kind: "Node", name: nodeName, uid, controller: true };
    const { status: _status, ...rest } = pod;
    const mirror: Pod = {
      ...rest,
      metadata: {
        ...metadata,
        annotations: { ...metadata.annotations, [CONFIG_MIRROR_ANNOTATION]: hash },
        ownerReferences: [owner],
      },
    };
    this.#ended.clear();
    try {
      const made = await client.create(Pods, mirror, signal);
      // The watch, where it was faster, knows better.
      if (this.of(pod) === undefined && !this.#ended.has(uidOf(made))) this.seen(made);
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
    }
  }

  async remove(mirror: Pod, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const ref = { namespace: mirror.metadata.namespace ?? "", name: mirror.metadata.name };
    try {
      const preconditions = { uid: uidOf(mirror) };
      await client.delete(Pods, ref, signal, { gracePeriodSeconds: 0, preconditions });
    } catch (err) {
      if (!isNotFound(err) && !isConflict(err)) throw err;
    }
    this.gone(mirror);
  }
}
