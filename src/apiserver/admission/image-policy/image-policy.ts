/** Option: a webhook says which images may run; upstream's ImagePolicyWebhook. @module */
import { isJsonObject, messageOf, type Clock } from "#apimachinery";
import type { Container, EphemeralContainer, Pod } from "#api/core/v1/types.gen";
import { TtlCache } from "#component-base";
import type { AdmissionPlugin, Attributes } from "../plugin.ts";
import { refuse } from "../refuse.ts";
import type { ImagePolicy } from "./configuration.ts";

const ANSWERS_MAX = 1024;
const PREFIX = "imagepolicywebhook.image-policy.k8s.io/";
/** Annotations of a pod that the webhook sees. */
const SHOWN = ".image-policy.k8s.io/";

interface Status {
  readonly allowed: boolean;
  readonly reason: string;
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

export function imagePolicyWebhook(policy: ImagePolicy, clock: Clock): AdmissionPlugin {
  const answers = new TtlCache<Status>(() => clock.now(), ANSWERS_MAX);
  return {
    name: "ImagePolicyWebhook",
    operations: ["CREATE", "UPDATE"],
    resources: ["core/pods"],
    async validate(attributes) {
      const { subresource } = attributes;
      if (subresource !== "" && subresource !== "ephemeralcontainers") return;
      const spec = reviewSpec(attributes);
      const key = JSON.stringify(spec);
      let status = answers.get(key);
      if (status === undefined) {
        status = await ask(policy, spec, attributes);
        if (status === undefined) return;
        answers.set(key, status, status.allowed ? policy.allowTtlMs : policy.denyTtlMs);
      }
      for (const [name, value] of Object.entries(status.auditAnnotations)) {
        attributes.addAuditAnnotation(PREFIX + name, value);
      }
      if (status.allowed) return;
      throw refuse(
        attributes,
        status.reason === ""
          ? "one or more images rejected by webhook backend"
          : `image policy webhook backend denied one or more images: ${status.reason}`,
      );
    },
  };
}

function reviewSpec({ object, subresource, namespace }: Attributes): object {
  const { metadata, spec } = object as Pod;
  const containers: readonly (Container | EphemeralContainer)[] =
    subresource === ""
      ? [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
      : (spec?.ephemeralContainers ?? []);
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.includes(SHOWN));
  return {
    containers: containers.map(({ image = "" }) => ({ image })),
    ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    namespace,
  };
}

/** undefined: the webhook could not be asked, and that does not matter. */
async function ask(
  { webhook, defaultAllow }: ImagePolicy,
  spec: object,
  attributes: Attributes,
): Promise<Status | undefined> {
  const review = { apiVersion: "imagepolicy.k8s.io/v1alpha1", kind: "ImageReview", metadata: {}, spec };
  try {
    return statusOf(await webhook.ask(review, attributes.signal));
  } catch (err) {
    attributes.signal.throwIfAborted();
    if (!defaultAllow) throw refuse(attributes, messageOf(err));
    attributes.addAuditAnnotation(`${PREFIX}failed-open`, "true");
    return undefined;
  }
}

function statusOf(review: unknown): Status {
  if (!isJsonObject(review) || review["kind"] !== "ImageReview") {
    throw new Error("the image policy webhook answered with something else than an ImageReview");
  }
  const { allowed, reason, auditAnnotations } = isJsonObject(review["status"]) ? review["status"] : {};
  const notes = isJsonObject(auditAnnotations) ? Object.entries(auditAnnotations) : [];
  return {
    allowed: allowed === true,
    reason: typeof reason === "string" ? reason : "",
    auditAnnotations: Object.fromEntries(notes.map(([key, value]) => [key, String(value)])),
  };
}
