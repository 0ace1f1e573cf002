/** Certificates for the pods of this node: asked for, waited for and renewed; upstream's `podcertificate.IssuingManager`. @module */
import { PodCertificateRequests } from "#api/certificates/v1/podcertificaterequest";
import type { PodCertificateRequest } from "#api/certificates/v1/types.gen";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Pod, PodCertificateProjection } from "#api/core/v1/types.gen";
import { pause, type Clock, type Logger } from "#apimachinery";
import {
  Informer,
  itemExponentialRateLimiter,
  RateLimitingQueue,
  type Client,
  type EventRecorder,
} from "#client";
import { specOf, uidOf } from "../container/pod-spec.ts";
import {
  bundleOf,
  pendingRequest,
  planCredential,
  stateName,
  type CredentialBundle,
  type CredentialState,
  type PodEvent,
} from "./plan.ts";

export interface IssuingManagerOptions {
  readonly client: Pick<Client, "list" | "watch" | "get" | "create">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly nodeName: string;
  /** Undefined until the node is registered. */
  readonly nodeUid: () => string | undefined;
  /** Told when a certificate of the pod is there, or will never be. */
  readonly onChange: (podUid: string) => void;
}

interface Projection {
  readonly pod: Pod;
  readonly source: PodCertificateProjection;
  state: CredentialState;
}

interface Running {
  readonly requests: Informer<PodCertificateRequest>;
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

/** All certificates are looked at again after this long, and up to twice as long. */
const REFRESH_PASS_MS = 60_000;
const RETRY_MS = 200;
const RETRY_MS_MAX = 60_000;
/** Long keys take a second of a thread: two pods' at a time. */
const WORKERS = 2;

/** State is not kept over a restart: every certificate is then asked for anew, as upstream. */
export class IssuingManager {
  readonly #options: IssuingManagerOptions;
  /** By `uid/volume/index`; bounded by the pods of the node. */
  readonly #projections = new Map<string, Projection>();
  #running: Running | undefined;
  #queue: RateLimitingQueue<string> | undefined;

  constructor(options: IssuingManagerOptions) {
    this.#options = options;
  }

  register(pod: Pod): void {
    const sources = certificatesOf(pod);
    if (sources.length === 0) return;
    const queue = (this.#queue ??= this.#newQueue());
    for (const { key, source } of sources) {
      const known = this.#projections.get(key);
      this.#projections.set(key, { pod, source, state: known?.state ?? {} });
      if (known === undefined) queue.add(key);
    }
    this.#running ??= this.#run(queue);
  }

  /** The last pod takes the watch with it. */
  unregister(uid: string): void {
    for (const key of this.#projections.keys()) if (key.startsWith(`${uid}/`)) this.#projections.delete(key);
    if (this.#projections.size === 0) void this.#stop();
  }

  /** Throws when there is none, yet or for ever. Only for pods that are registered. */
  bundle(pod: Pod, volume: string, sourceIndex: number): CredentialBundle {
    const known = this.#projections.get(keyOf(pod, volume, sourceIndex));
    if (known === undefined) throw new Error(`no credentials yet for volume ${JSON.stringify(volume)}`);
    return bundleOf(known.state);
  }

  /** How many certificates are in which state, by signer; the words are upstream's. */
  states(): readonly { readonly signer: string; readonly state: string; readonly count: number }[] {
    const nowMs = this.#options.clock.now();
    const counts = Map.groupBy(
      this.#projections.values(),
      ({ source, state }) => `${source.signerName ?? ""} ${stateName(state, nowMs)}`,
    );
    return [...counts].map(([key, those]) => {
      const [signer = "", state = ""] = key.split(" ");
      return { signer, state, count: those.length };
    });
  }

  async close(): Promise<void> {
    this.#projections.clear();
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    this.#queue?.close();
    [this.#running, this.#queue] = [undefined, undefined];
    running?.stop.abort();
    await running?.done;
  }

  #newQueue(): RateLimitingQueue<string> {
    const { clock } = this.#options;
    return new RateLimitingQueue({ clock, rateLimiter: itemExponentialRateLimiter(RETRY_MS, RETRY_MS_MAX) });
  }

  #run(queue: RateLimitingQueue<string>): Running {
    const { client, clock, random, logger, nodeName } = this.#options;
    const parts = { client, clock, random, logger, freeze: false, watchList: false };
    const fieldSelector = `spec.nodeName=${nodeName}`;
    const requests = new Informer(PodCertificateRequests, parts, { fieldSelector });
    const changed = ({ spec }: PodCertificateRequest): void => {
      for (const key of this.#projections.keys()) if (key.startsWith(`${spec.podUID}/`)) queue.add(key);
    };
    requests.addEventHandler({
      onAdd: changed,
      onUpdate: (_, request) => changed(request),
      onDelete: changed,
    });
    const stop = new AbortController();
    const { signal } = stop;
    const workers = Array.from({ length: WORKERS }, () => this.#work(queue, requests, signal));
    const done = Promise.all([requests.run(signal), this.#passes(queue, signal), ...workers]);
    return { requests, stop, done };
  }

  /** Nothing else says that it is time to renew. */
  async #passes(queue: RateLimitingQueue<string>, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    while (!signal.aborted) {
      await pause(clock, REFRESH_PASS_MS * (1 + random()), signal);
      for (const key of this.#projections.keys()) queue.add(key);
    }
  }

  async #work(
    queue: RateLimitingQueue<string>,
    requests: Informer<PodCertificateRequest>,
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      const key = await queue.get();
      if (key === undefined) return;
      try {
        await requests.waitForSync(signal);
        if (await this.#handle(key, requests, signal)) queue.forget(key);
        else queue.addRateLimited(key);
      } catch (err) {
        if (signal.aborted) return;
        this.#options.logger.warn("A certificate of a pod cannot be had", {
          key,
          error: (err as Error).message,
        });
        queue.addRateLimited(key);
      } finally {
        queue.done(key);
      }
    }
  }

  /** False: to be looked at again soon. */
  async #handle(
    key: string,
    requests: Informer<PodCertificateRequest>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const projection = this.#projections.get(key);
    if (projection === undefined) return true;
    const { clock, random } = this.#options;
    const { pod, state } = projection;
    const name = state.pending?.name;
    const request = name === undefined ? undefined : requests.lister.get(`${pod.metadata.namespace}/${name}`);
    const step = planCredential(state, request, clock.now(), random());
    this.#settle(key, step.state, step.events);
    if (step.next === "request") await this.#ask(key, projection, signal);
    return step.next !== "retry";
  }

  #settle(key: string, state: CredentialState, events: readonly PodEvent[]): void {
    const projection = this.#projections.get(key);
    if (projection === undefined) return;
    const { pod, state: before } = projection;
    projection.state = state;
    for (const { reason, message } of events) this.#options.recorder.event(pod, "Warning", reason, message);
    const isNew = state.refusal !== before.refusal || state.issued?.chain !== before.issued?.chain;
    if (isNew) this.#options.onChange(uidOf(pod));
  }

  async #ask(key: string, { pod, source }: Projection, signal: AbortSignal): Promise<void> {
    const { client, random, nodeName, nodeUid } = this.#options;
    const { name, namespace = "" } = pod.metadata;
    const { serviceAccountName = "default" } = specOf(pod);
    const account = await client.get(ServiceAccounts, { namespace, name: serviceAccountName }, signal);
    const { signerName, keyType, maxExpirationSeconds, userAnnotations } = source;
    // The library takes as long to load as the rest of a kubelet, and few pods have certificates.
    const { createBareRequest } = await import("#component-base/pki");
    const { privateKeyPem, request } = await createBareRequest(keyType);
    const created = await client.create(
      PodCertificateRequests,
      {
        apiVersion: "certificates.k8s.io/v1",
        kind: "PodCertificateRequest",
        metadata: {
          name: "",
          namespace,
          generateName: "req-",
          ownerReferences: [{ apiVersion: "v1", kind: "Pod", name, uid: uidOf(pod) }],
        },
        spec: {
          signerName,
          podName: name,
          podUID: uidOf(pod),
          serviceAccountName,
          serviceAccountUID: account.metadata.uid ?? "",
          nodeName,
          nodeUID: nodeUid() ?? "",
          stubPKCS10Request: request,
          ...(maxExpirationSeconds !== undefined && { maxExpirationSeconds }),
          ...(userAnnotations !== undefined && { unverifiedUserAnnotations: userAnnotations }),
        },
      },
      signal,
    );
    const projection = this.#projections.get(key);
    if (projection === undefined) return;
    projection.state = { ...projection.state, pending: pendingRequest(created, privateKeyPem, random()) };
    // It may have been seen, and answered, before its name was known here.
    this.#queue?.add(key);
  }
}

function certificatesOf(
  pod: Pod,
): readonly { readonly key: string; readonly source: PodCertificateProjection }[] {
  return (specOf(pod).volumes ?? []).flatMap(({ name, projected }) =>
    (projected?.sources ?? []).flatMap(({ podCertificate }, i) =>
      podCertificate === undefined ? [] : [{ key: keyOf(pod, name, i), source: podCertificate }],
    ),
  );
}

function keyOf(pod: Pod, volume: string, sourceIndex: number): string {
  return `${uidOf(pod)}/${volume}/${sourceIndex}`;
}
