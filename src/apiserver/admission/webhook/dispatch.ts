/** Asks one webhook about one request, and judges what becomes of a failure. @module */
import type { Agent } from "node:https";
import {
  applyJsonPatch,
  badRequest,
  jsonEqual,
  messageOf,
  parseJson,
  StatusError,
  type Clock,
  type KubeObject,
  type Logger,
} from "#apimachinery";
import { newUid } from "../../registry/uid.ts";
import type { AdmissionMetrics, RejectionError } from "../metrics.ts";
import type { Attributes } from "../plugin.ts";
import { annotateFailOpen, annotateMutation, annotatePatch, annotateResponse } from "./annotate.ts";
import { callWebhook } from "./call.ts";
import type { FindCredentials } from "./credentials.ts";
import { complete, patchProblem } from "./complete.ts";
import { inVersion } from "./in-version.ts";
import type { Invocation, InvocationFacts } from "./invocation.ts";
import { newReview, rejection, reviewVersion, verifyResponse, type ReviewResponse } from "./review.ts";
import { targetOf, type ServiceResolver } from "./target.ts";

const TIMEOUT_SECONDS = 10;
/** What a webhook that cannot be asked counts as. */
const UNAVAILABLE = 503;
const NO_SIDE_EFFECTS: readonly (string | undefined)[] = ["None", "NoneOnDryRun"];

export interface WebhookOptions extends InvocationFacts {
  readonly resolve: ServiceResolver;
  readonly clock: Clock;
  readonly random: () => number;
  readonly agent: Agent;
  /** Absent: webhooks are shown none. */
  readonly credentials?: FindCredentials;
  readonly logger: Logger;
  readonly metrics?: AdmissionMetrics;
}

/** Which call of a request it is, for its audit annotations. */
export interface CallPosition {
  readonly round: number;
  readonly index: number;
}

/** The webhook could not be asked: its failure policy decides. */
class CallFailure extends Error {}

/** The object as the webhook leaves it, which is the same unless it patched it. Throws the refusal. */
export async function dispatch(
  invocation: Invocation,
  object: KubeObject | undefined,
  attributes: Attributes,
  options: WebhookOptions,
  position: CallPosition,
): Promise<KubeObject | undefined> {
  const { webhook } = invocation;
  const { spec } = webhook;
  const { metrics, clock, logger } = options;
  const type = webhook.isMutating ? "admit" : "validating";
  const startedMs = clock.monotonicMs();
  const observe = (isRejected: boolean, code: number): void =>
    metrics?.webhook(spec.name, type, attributes.operation, {
      ms: clock.monotonicMs() - startedMs,
      isRejected,
      code,
    });
  const rejected = (error: RejectionError, code: number): void => {
    metrics?.rejection(spec.name, type, attributes.operation, error, code);
    observe(true, code);
  };
  try {
    checkDryRun(invocation, attributes);
    const response = await ask(invocation, object, attributes, options);
    annotateResponse(webhook, response, attributes);
    for (const warning of response.warnings) attributes.warn(warning);
    if (!response.allowed) throw new Rejection(rejection(spec.name, response.result));
    const result = patched(invocation, object, attributes, response);
    observe(false, 200);
    if (webhook.isMutating) {
      if (result !== object) annotatePatch(webhook, response.patch, attributes, position);
      annotateMutation(webhook, result !== object, attributes, position);
    }
    return result;
  } catch (err) {
    if (webhook.isMutating) annotateMutation(webhook, false, attributes, position);
    if (err instanceof Rejection) {
      rejected("no_error", err.status.code);
      throw err.status;
    }
    if (!(err instanceof CallFailure)) {
      rejected("apiserver_internal_error", 0);
      throw err;
    }
    const message = `failed calling webhook ${JSON.stringify(spec.name)}: ${err.message}`;
    if (spec.failurePolicy === "Ignore") {
      observe(false, UNAVAILABLE);
      metrics?.failedOpen(spec.name, type);
      annotateFailOpen(webhook, attributes, position);
      logger.warn("Failed calling webhook, failing open", { webhook: spec.name, error: err.message });
      return object;
    }
    rejected("calling_webhook_error", UNAVAILABLE);
    throw new StatusError("InternalError", `Internal error occurred: ${message}`, { cause: err });
  }
}

/** The webhook said no. */
class Rejection extends Error {
  readonly status: StatusError;

  constructor(status: StatusError) {
    super(status.message);
    this.status = status;
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
  { clock, random, agent, resolve, credentials }: WebhookOptions,
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
      { clock, agent, credentials },
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
    throw new CallFailure(`${what}: ${messageOf(cause)}`, { cause });
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
    const { object: result } = complete(served, objectKind, changed);
    return jsonEqual(result, object) ? object : result;
  } catch (cause) {
    throw internal(patchProblem(cause), cause);
  }
}

function decodePatch(patch: string): readonly unknown[] {
  try {
    const operations = parseJson(Buffer.from(patch, "base64").toString());
    if (Array.isArray(operations)) return operations;
    throw new Error("it is no list of operations");
  } catch (cause) {
    const why = messageOf(cause);
    throw new CallFailure(`received undecodable patch in webhook response: ${why}`, { cause });
  }
}

function internal(why: string, cause?: unknown): StatusError {
  return new StatusError("InternalError", `Internal error occurred: ${why}`, { cause });
}
