/** The AdmissionReview that a webhook is sent, and what it may answer. Pure; upstream's `webhook/request`. @module */
import { isJsonObject, StatusError, type Kind, type KubeObject, type Status } from "#apimachinery";
import type { UserInfo } from "../../user-info.ts";
import type { Attributes } from "../plugin.ts";

const GROUP = "admission.k8s.io";
const VERSIONS = ["v1", "v1beta1"] as const;

export interface ReviewRequest {
  readonly uid: string;
  /** The kind that the webhook's rule names, which the objects are converted to. */
  readonly kind: Kind;
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
  readonly attributes: Attributes;
}

export interface Review {
  readonly apiVersion: string;
  readonly kind: "AdmissionReview";
  readonly request: Readonly<Record<string, unknown>>;
}

/** The first version of those that the webhook names which this server speaks. */
export function reviewVersion(accepted: readonly string[]): string | undefined {
  return accepted.find((version) => (VERSIONS as readonly string[]).includes(version));
}

export function newReview(version: string, facts: ReviewRequest): Review {
  return { apiVersion: `${GROUP}/${version}`, kind: "AdmissionReview", request: requestOf(facts) };
}

/** Also what match conditions see. */
export function requestOf({
  uid,
  kind,
  object,
  oldObject,
  attributes,
}: ReviewRequest): Readonly<Record<string, unknown>> {
  const { operation, requestKind, subresource, namespace, name, dryRun, user, resource } = attributes;
  const sub = subresource === "" ? undefined : subresource;
  const shownKind = attributes.objectKind ?? kind;
  const requestedKind = attributes.objectKind ?? requestKind;
  const shownName = name === "" ? object?.metadata.name : name;
  // A namespace is in itself, for webhooks.
  const where = resource === "core/namespaces" ? (shownName ?? "") : namespace;
  return {
    uid,
    kind: { group: shownKind.group, version: shownKind.version, kind: shownKind.kind },
    resource: { group: kind.group, version: kind.version, resource: kind.names.plural },
    ...(sub !== undefined && { subResource: sub }),
    requestKind: { group: requestedKind.group, version: requestedKind.version, kind: requestedKind.kind },
    requestResource: {
      group: requestKind.group,
      version: requestKind.version,
      resource: requestKind.names.plural,
    },
    ...(sub !== undefined && { requestSubResource: sub }),
    ...(shownName !== undefined && shownName !== "" && { name: shownName }),
    ...(where !== "" && { namespace: where }),
    operation,
    userInfo: userInfoOf(user),
    object: object ?? null,
    oldObject: oldObject ?? null,
    dryRun,
    options: attributes.options ?? null,
  };
}

function userInfoOf({ name, uid, groups, extra }: UserInfo): object {
  return {
    username: name,
    ...(uid !== undefined && { uid }),
    groups,
    ...(extra !== undefined && { extra }),
  };
}

export interface ReviewResponse {
  readonly allowed: boolean;
  readonly result: Partial<Status> | undefined;
  readonly patch: string;
  readonly patchType: string;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** Throws an Error that says what is wrong with the answer. */
export function verifyResponse(
  answer: unknown,
  { apiVersion, request }: Review,
  isMutating: boolean,
): ReviewResponse {
  const review = isJsonObject(answer) ? answer : {};
  const { response } = review;
  if (!isJsonObject(response)) throw new Error("webhook response was absent");
  const isV1 = apiVersion.endsWith("/v1");
  if (isV1) {
    if (response["uid"] !== request["uid"]) {
      throw new Error(
        `expected response.uid=${JSON.stringify(request["uid"])}, got ${JSON.stringify(response["uid"] ?? "")}`,
      );
    }
    const given = `${textOf(review["apiVersion"])}, Kind=${textOf(review["kind"])}`;
    const wanted = `${apiVersion}, Kind=AdmissionReview`;
    if (given !== wanted) throw new Error(`expected webhook response of ${wanted}, got ${given}`);
    checkPatch(response, isMutating);
  }
  const { allowed, status, warnings } = response;
  const patch = isMutating ? textOf(response["patch"]) : "";
  return {
    allowed: allowed === true,
    result: isJsonObject(status) ? status : undefined,
    patch,
    patchType: isV1 ? textOf(response["patchType"]) : patch === "" ? "" : "JSONPatch",
    auditAnnotations: textsOf(response["auditAnnotations"]),
    warnings: Array.isArray(warnings) ? warnings.filter((text) => typeof text === "string") : [],
  };
}

function checkPatch(response: Readonly<Record<string, unknown>>, isMutating: boolean): void {
  const patch = textOf(response["patch"]);
  const { patchType } = response;
  const hasType = patchType !== undefined && patchType !== null;
  if (!isMutating) {
    if (patch !== "") throw new Error("validating webhook may not return response.patch");
    if (hasType) throw new Error("validating webhook may not return response.patchType");
    return;
  }
  if (patch !== "" && !hasType) {
    throw new Error("webhook returned response.patch but not response.patchType");
  }
  if (patch === "" && hasType) {
    throw new Error("webhook returned response.patchType but not response.patch");
  }
  if (patchType === "") throw new Error('webhook returned invalid response.patchType of ""');
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

const CODE_MIN = 400;

/** The refusal in the webhook's words, never with a code that means success. */
export function rejection(name: string, result: Partial<Status> = {}): StatusError {
  const deniedBy = `admission webhook ${JSON.stringify(name)} denied the request`;
  const { message = "", reason, code = 0, details } = result;
  const why = message === "" ? (reason ?? "") : message;
  const shown = why === "" ? `${deniedBy} without explanation` : `${deniedBy}: ${why}`;
  return new StatusError(reason ?? "Unknown", shown, {
    code: Math.max(code, CODE_MIN),
    ...(details !== undefined && { details }),
  });
}
