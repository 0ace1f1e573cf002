/** Asks a definition's webhook for objects in another version; upstream's `webhook_converter`. @module */
import { randomUUID } from "node:crypto";
import type { Agent } from "node:https";
import {
  apiVersionOf,
  isJsonObject,
  jsonEqual,
  messageOf,
  StatusError,
  type Clock,
  type KubeObject,
} from "#apimachinery";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import { callWebhook } from "../admission/webhook/call.ts";
import { targetOf, type ServiceResolver } from "../admission/webhook/target.ts";

/** Converts all of them to `version`, in order. Rejects with a StatusError when the webhook does not do what it should. */
export type ConversionWebhook = (
  crd: CustomResourceDefinition,
  objects: readonly KubeObject[],
  version: string,
  signal: AbortSignal,
) => Promise<readonly KubeObject[]>;

export interface ConversionWebhookOptions {
  readonly resolve: ServiceResolver;
  readonly clock: Clock;
  readonly agent: Agent;
}

const TIMEOUT_SECONDS = 30;

export function conversionWebhook(options: ConversionWebhookOptions): ConversionWebhook {
  return async (crd, objects, version, signal) => {
    const { group, names, conversion } = crd.spec;
    const desiredAPIVersion = apiVersionOf({ group, version });
    const failed = (why: string, cause?: unknown): StatusError => {
      const from = objects[0]?.apiVersion ?? "";
      const message = `conversion webhook for ${from}, Kind=${names.kind} failed: ${why}`;
      return new StatusError("InternalError", message, { cause });
    };
    const { clientConfig = {}, conversionReviewVersions = [] } = conversion?.webhook ?? {};
    const review = conversionReviewVersions.find((own) => own === "v1" || own === "v1beta1") ?? "v1";
    const uid = randomUUID();
    const body = {
      kind: "ConversionReview",
      apiVersion: `apiextensions.k8s.io/${review}`,
      request: { uid, desiredAPIVersion, objects },
    };
    let answer: unknown;
    try {
      const target = targetOf(clientConfig, options.resolve);
      const call = { target, caBundle: clientConfig.caBundle, timeoutSeconds: TIMEOUT_SECONDS, body };
      answer = await callWebhook(call, options, signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw failed(messageOf(cause), cause);
    }
    const made = convertedObjects(answer, uid, objects.length);
    if (typeof made === "string") throw failed(made);
    return made.map((object, i) => {
      const problem = problemOf(object, objects[i]!, desiredAPIVersion);
      if (problem !== undefined) throw failed(`invalid converted object at index ${i}: ${problem}`);
      return withMetadataOf(object as KubeObject, objects[i]!);
    });
  };
}

/** The objects of the answer, or what is wrong with it. */
function convertedObjects(answer: unknown, uid: string, count: number): readonly unknown[] | string {
  const response = isJsonObject(answer) ? answer["response"] : undefined;
  if (!isJsonObject(response)) return "no response provided";
  if (response["uid"] !== uid)
    return `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response["uid"])}`;
  const result = isJsonObject(response["result"]) ? response["result"] : {};
  if (result["status"] !== "Success") {
    const message = textOf(result["message"]);
    return message === ""
      ? `response.result.status was '${textOf(result["status"])}', not 'Success'`
      : message;
  }
  const objects = response["convertedObjects"];
  if (!Array.isArray(objects) || objects.length !== count) {
    return `expected ${count} converted objects, got ${Array.isArray(objects) ? objects.length : 0}`;
  }
  return objects;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function problemOf(object: unknown, before: KubeObject, apiVersion: string): string | undefined {
  if (!isJsonObject(object) || !isJsonObject(object["metadata"])) return "it is no object with metadata";
  if (object["apiVersion"] !== apiVersion)
    return `invalid groupVersion (expected ${apiVersion}, received ${textOf(object["apiVersion"])})`;
  if (object["kind"] !== before.kind)
    return `invalid kind (expected ${before.kind}, received ${textOf(object["kind"])})`;
  for (const key of ["name", "namespace", "uid"] as const) {
    if (!jsonEqual(object["metadata"][key], before.metadata[key])) return `must have the same ${key}`;
  }
  return undefined;
}

/** A webhook may change labels and annotations; all other metadata stays. */
function withMetadataOf(object: KubeObject, before: KubeObject): KubeObject {
  const { labels, annotations } = object.metadata;
  const { labels: _labels, annotations: _annotations, ...metadata } = before.metadata;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    },
  };
}
