/** Asks one webhook about one request, and judges what becomes of a failure. @module */
import type { Agent } from "node:https";
import {
  applyJsonPatch,
  badRequest,
  decodeTyped,
  parseJson,
  StatusError,
  type Clock,
  type GroupVersionKind,
  type KubeObject,
  type Logger,
} from "#apimachinery";
import { lookup } from "#api";
import { newUid } from "../../registry/uid.ts";
import { semanticEqual } from "../../registry/semantic-equal.ts";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { Attributes } from "../plugin.ts";
import { callWebhook } from "./call.ts";
import { inVersion, type Invocation, type InvocationFacts } from "./invocation.ts";
import { newReview, rejection, reviewVersion, verifyResponse, type ReviewResponse } from "./review.ts";
import { targetOf, type ServiceResolver } from "./target.ts";

const TIMEOUT_SECONDS = 10;
const NO_SIDE_EFFECTS: readonly (string | undefined)[] = ["None", "NoneOnDryRun"];

export interface WebhookOptions extends InvocationFacts {
  readonly resolve: ServiceResolver;
  readonly clock: Clock;
  readonly random: () => number;
  readonly agent: Agent;
  readonly logger: Logger;
}

/** The webhook could not be asked: its failure policy decides. */
class CallFailure extends Error {}

/** The object as the webhook leaves it, which is the same unless it patched it. Throws the refusal. */
export async function dispatch(
  invocation: Invocation,
  object: KubeObject | undefined,
  attributes: Attributes,
  options: WebhookOptions,
): Promise<KubeObject | undefined> {
  const { spec } = invocation.webhook;
  checkDryRun(invocation, attributes);
  try {
    const response = await ask(invocation, object, attributes, options);
    for (const warning of response.warnings) attributes.warn(warning);
    if (!response.allowed) throw rejection(spec.name, response.result);
    return patched(invocation, object, attributes, response);
  } catch (err) {
    if (!(err instanceof CallFailure)) throw err;
    const message = `failed calling webhook ${JSON.stringify(spec.name)}: ${err.message}`;
    if (spec.failurePolicy === "Ignore") {
      options.logger.warn("Failed calling webhook, failing open", { webhook: spec.name, error: err.message });
      return object;
    }
    throw new StatusError("InternalError", `Internal error occurred: ${message}`, { cause: err });
  }
}

function checkDryRun({ webhook: { spec } }: Invocation, { dryRun }: Attributes): void {
  if (!dryRun || NO_SIDE_EFFECTS.includes(spec.sideEffects)) return;
  throw badRequest(`admission webhook ${JSON.stringify(spec.name)} does not support dry run`);
}

async function ask(
  { webhook, served }: Invocation,
  object: KubeObject | undefined,
  attributes: Attributes,
  { clock, random, agent, resolve }: WebhookOptions,
): Promise<ReviewResponse> {
  const { spec, isMutating } = webhook;
  const version = reviewVersion(spec.admissionReviewVersions);
  if (version === undefined) {
    throw new CallFailure(
      "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
    );
  }
  const { oldObject } = attributes;
  const review = newReview(version, {
    uid: newUid(random),
    kind: served.kind,
    object: inVersion(served, object, attributes),
    oldObject: inVersion(served, oldObject, attributes),
    attributes,
  });
  const answer = await attempt("failed to call webhook", attributes.signal, () =>
    callWebhook(
      {
        target: targetOf(spec.clientConfig, resolve),
        caBundle: spec.clientConfig.caBundle,
        timeoutSeconds: spec.timeoutSeconds ?? TIMEOUT_SECONDS,
        body: review,
      },
      { clock, agent },
      attributes.signal,
    ),
  );
  return attempt("received invalid webhook response", attributes.signal, () =>
    verifyResponse(answer, review, isMutating),
  );
}

async function attempt<T>(what: string, signal: AbortSignal, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    // Nobody waits for the answer any more: that is no failure of the webhook.
    signal.throwIfAborted();
    throw new CallFailure(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function patched(
  { webhook: { spec }, served }: Invocation,
  object: KubeObject | undefined,
  attributes: Attributes,
  { patch, patchType }: ReviewResponse,
): KubeObject | undefined {
  if (patch === "") return object;
  if (patchType !== "JSONPatch") throw new CallFailure(`unsupported patch type ${JSON.stringify(patchType)}`);
  const operations = decodePatch(patch);
  if (operations.length === 0) return object;
  const name = JSON.stringify(spec.name);
  if (object === undefined) {
    throw internal(
      `admission webhook ${name} attempted to modify the object, which is not supported for this operation`,
    );
  }
  const { objectKind } = attributes;
  try {
    const shown = inVersion(served, object, attributes)!;
    const changed = applyJsonPatch(shown, operations) as KubeObject;
    const result = objectKind === undefined ? complete(served, changed) : ofKind(objectKind, changed);
    return semanticEqual(result, object) ? object : result;
  } catch (cause) {
    throw internal(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function decodePatch(patch: string): readonly unknown[] {
  try {
    const operations = parseJson(Buffer.from(patch, "base64").toString());
    if (Array.isArray(operations)) return operations;
    throw new Error("it is no list of operations");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CallFailure(`received undecodable patch in webhook response: ${why}`, { cause });
  }
}

/** What is stored nowhere: an Eviction, PodExecOptions. */
function ofKind(kind: GroupVersionKind, object: KubeObject): KubeObject {
  const schema = lookup(kind);
  return schema?.type === "struct" ? (decodeTyped(object, schema).object as unknown as KubeObject) : object;
}

/** Fields that nobody knows go, defaults of the new ones come, and the version is the stored one. */
function complete(
  { custom, schema, applyDefaults, toStored }: ServedResource,
  object: KubeObject,
): KubeObject {
  const known =
    custom?.prune(object).object ?? (schema?.type === "struct" ? decodeTyped(object, schema).object : object);
  const defaulted = applyDefaults(known as KubeObject);
  return toStored === undefined ? defaulted : toStored(defaulted);
}

function internal(why: string, cause?: unknown): StatusError {
  return new StatusError("InternalError", `Internal error occurred: ${why}`, { cause });
}
