/** Makes sure that a container's image is on the node, by its pull policy, with back-off and few pulls at a time. @module */
import type { Clock } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { Container, Pod, Secret } from "#api/core/v1/types.gen";
import type { PodSandboxConfig } from "#cri";
import { RuntimeError } from "#cri";
import { fieldPathOf, uidOf } from "../container/pod-spec.ts";
import { goDuration } from "../container/time.ts";
import type { ImageUser } from "../kuberuntime/security-context.ts";
import { Backoff } from "../pod-workers/backoff.ts";
import { StartError } from "../kuberuntime/start-error.ts";
import type { ImagePuller } from "./limited-pulls.ts";
import { isImageName } from "./image-name.ts";
import { credentialsFor } from "./pull-credentials.ts";
import { Semaphore } from "./semaphore.ts";

/** Told of what images cost. */
export interface ImageObserver {
  /** An image was needed; undefined: that did not become known. */
  ensured(pullPolicy: string, isPresent: boolean | undefined, mustPull: boolean | undefined): void;
  pullStarted(uid: string): void;
  /** The image is there, by this pull or another. */
  pullEnded(uid: string): void;
  /** With the time that it waited for its turn. */
  pulled(sizeBytes: number, seconds: number): void;
}

export interface ImageManagerOptions {
  readonly images: ImagePuller;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly parallelPullsMax: number;
  readonly observer?: ImageObserver;
}

export interface EnsuredImage {
  readonly ref: string;
  readonly user: ImageUser;
}

export interface EnsureInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly pullSecrets: readonly Secret[];
  readonly sandboxConfig: PodSandboxConfig;
}

const BACKOFF = { initialMs: 10_000, maxMs: 300_000 };
/** How long ErrImagePull stays before it becomes ImagePullBackOff. */
const ANNOUNCE_MS = 2000;
/** Registries' answers kept to be shown during a back-off. */
const MESSAGES_MAX = 1000;

export class ImageManager {
  readonly #options: ImageManagerOptions;
  readonly #backoff: Backoff;
  readonly #pulls: Semaphore;
  readonly #lastMessages = new Map<string, string>();

  constructor(options: ImageManagerOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, BACKOFF);
    this.#pulls = new Semaphore(options.parallelPullsMax);
  }

  /** Throws `StartError` with the reason that the container's status shows. */
  async ensure(input: EnsureInput, signal: AbortSignal): Promise<EnsuredImage> {
    const image = input.container.image ?? "";
    const policy = input.container.imagePullPolicy ?? "IfNotPresent";
    const { observer } = this.#options;
    if (!isImageName(image)) {
      observer?.ensured(policy, undefined, undefined);
      const message = `Failed to apply default image tag ${JSON.stringify(image)}: couldn't parse image name ${JSON.stringify(image)}: invalid reference format`;
      this.#event(input, "Warning", "InspectFailed", message);
      throw new StartError("InvalidImageName", message);
    }
    const present = await this.#find(image, signal, input);
    const isUsable = present !== undefined;
    if (policy === "Always") observer?.ensured(policy, undefined, true);
    else observer?.ensured(policy, isUsable, policy === "Never" && !isUsable ? undefined : !isUsable);
    if (policy !== "Always" && present !== undefined) {
      this.#event(
        input,
        "Normal",
        "Pulled",
        `Container image "${image}" already present on machine and can be accessed by the pod`,
      );
      observer?.pullEnded(uidOf(input.pod));
      return present;
    }
    if (policy === "Never") {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      this.#event(input, "Warning", "ErrImageNeverPull", message);
      throw new StartError("ErrImageNeverPull", message);
    }
    return this.#pull(image, input, signal);
  }

  /** A deleted pod's waits are of no use to another. */
  forget(uid: string): void {
    this.#backoff.reset(`${uid}_`);
    for (const key of this.#lastMessages.keys())
      if (key.startsWith(`${uid}_`)) this.#lastMessages.delete(key);
  }

  async #find(image: string, signal: AbortSignal, input: EnsureInput): Promise<EnsuredImage | undefined> {
    try {
      const { image: found } = await this.#options.images.imageStatus({ image }, {}, signal);
      if (found === undefined) return undefined;
      const { id, uid, username } = found;
      return { ref: id, user: { username, ...(uid !== undefined && { uid }) } };
    } catch (err) {
      signal.throwIfAborted();
      this.#options.observer?.ensured(
        input.container.imagePullPolicy ?? "IfNotPresent",
        undefined,
        undefined,
      );
      const message = `Failed to inspect image "${image}": ${describe(err)}`;
      this.#event(input, "Warning", "InspectFailed", message);
      throw new StartError("ImageInspectError", message, { cause: err });
    }
  }

  async #pull(image: string, input: EnsureInput, signal: AbortSignal): Promise<EnsuredImage> {
    const { clock } = this.#options;
    const key = `${uidOf(input.pod)}_${image}`;
    const until = this.#backoff.waitUntil(key, this.#backoff.lastUpdateMs(key));
    if (until !== undefined) {
      const message = `Back-off pulling image "${image}"`;
      this.#event(input, "Normal", "BackOff", message);
      const last = this.#lastMessages.get(key);
      throw new StartError("ImagePullBackOff", last === undefined ? message : `${message}: ${last}`, {
        retryAtMs: until,
      });
    }
    this.#lastMessages.delete(key);
    this.#event(input, "Normal", "Pulling", `Pulling image "${image}"`);
    const { observer } = this.#options;
    observer?.pullStarted(uidOf(input.pod));
    const askedMs = clock.monotonicMs();
    try {
      await using slot = await this.#pulls.acquire(signal);
      const startMs = clock.monotonicMs();
      const ref = await this.#pullWithCredentials(image, input, signal);
      const endMs = clock.monotonicMs();
      const { image: pulled } = await this.#options.images.imageStatus({ image: ref }, {}, signal);
      observer?.pullEnded(uidOf(input.pod));
      observer?.pulled(pulled?.size ?? 0, (endMs - askedMs) / 1000);
      const pullText = goDuration(Math.floor(endMs - startMs));
      const wholeText = goDuration(Math.floor(endMs - askedMs));
      const message = `Successfully pulled image "${image}" in ${pullText} (${wholeText} including waiting). Image size: ${pulled?.size ?? 0} bytes.`;
      this.#event(input, "Normal", "Pulled", message);
      slot.release();
      return {
        ref: pulled?.id ?? ref,
        user: { username: pulled?.username ?? "", ...(pulled?.uid !== undefined && { uid: pulled.uid }) },
      };
    } catch (err) {
      signal.throwIfAborted();
      throw this.#pullFailed(image, key, input, err);
    }
  }

  async #pullWithCredentials(image: string, input: EnsureInput, signal: AbortSignal): Promise<string> {
    const { images } = this.#options;
    const candidates = credentialsFor(image, input.pullSecrets);
    const tries = candidates.length === 0 ? [undefined] : candidates;
    let failure: unknown;
    for (const auth of tries) {
      try {
        return await images.pullImage({ image }, auth, input.sandboxConfig, signal);
      } catch (err) {
        signal.throwIfAborted();
        failure = err;
      }
    }
    throw failure;
  }

  #pullFailed(image: string, key: string, input: EnsureInput, err: unknown): StartError {
    const text = describe(err);
    this.#event(input, "Warning", "Failed", `Failed to pull image "${image}": ${text}`);
    this.#backoff.next(key, this.#options.clock.now());
    this.#lastMessages.set(key, `ErrImagePull: ${text}`);
    if (this.#lastMessages.size > MESSAGES_MAX) {
      this.#lastMessages.delete(this.#lastMessages.keys().next().value!);
    }
    // Soon once more, to say that the pull is backing off; the next pull is due later.
    const retryAtMs = this.#options.clock.now() + ANNOUNCE_MS;
    return new StartError("ErrImagePull", text, { cause: err, retryAtMs, attempted: true });
  }

  #event({ pod, container }: EnsureInput, type: "Normal" | "Warning", reason: string, message: string): void {
    const fieldPath = fieldPathOf(pod, container.name);
    this.#options.recorder.event(pod, type, reason, message, fieldPath === undefined ? {} : { fieldPath });
  }
}

function describe(err: unknown): string {
  return err instanceof RuntimeError ? err.describe() : (err as Error).message;
}
