/** `scale`: the number of replicas of whatever has one, in the same shape for all. @module */
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  field,
  invalid,
  labels,
  type KubeObject,
} from "#apimachinery";
import { lookup } from "#api";
import type { Scale } from "#api/autoscaling/v1/types.gen";
import { readOne } from "../handlers/converted.ts";
import { decodePatched, mediaTypeOf, parseText, unsupportedMediaType } from "../handlers/decode.ts";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import type { Result } from "../handlers/request.ts";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import { checkIdentity } from "../handlers/write.ts";
import { writeContextOf } from "../handlers/write-options.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import { customScale } from "./custom-scale.ts";
import { answer, decodeForeign } from "./foreign-kind.ts";

const SCALE = { group: "autoscaling", version: "v1", kind: "Scale" };
const PATCH_TYPES =
  "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";

/** The parts of a workload that a scale shows. */
interface Scalable extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: labels.LabelSelector | Readonly<Record<string, string>>;
  };
  readonly status?: { readonly replicas?: number };
}

/** Where the numbers of a kind are. */
interface ScaleForm {
  readonly read: (object: KubeObject) => Pick<Scale, "spec" | "status">;
  readonly write: (object: KubeObject, replicas: number) => KubeObject;
}

const WORKLOAD: ScaleForm = {
  read: (object) => {
    const { spec, status } = object as Scalable;
    const selector = selectorText(object);
    return {
      spec: { replicas: spec?.replicas ?? 0 },
      status: { replicas: status?.replicas ?? 0, ...(selector !== "" && { selector }) },
    };
  },
  write: (object, replicas) =>
    ({ ...object, spec: { ...(object as Scalable).spec, replicas } }) as KubeObject,
};

function formOf({ custom }: ServedResource): ScaleForm {
  return custom?.scale === undefined ? WORKLOAD : customScale(custom.scale);
}

export const scaleHandlers: SubresourceHandlers = {
  get: async ({ request, info, served }) => {
    const { object } = await served.store.get(info.namespace, info.name);
    return answer(request, 200, scaleOf(await readOne(served, object, request.signal), formOf(served)));
  },
  update: async (routed) => {
    const scale = (await decodeForeign(routed.request, SCALE)) as Scale;
    checkIdentity(scale, routed.info.name, routed.info.namespace);
    return write(routed, "UpdateOptions", () => scale);
  },
  patch: async (routed) => {
    const body = await routed.request.body();
    const patch = parseText(body, "json", "");
    const apply = patcherOf(mediaTypeOf(body.contentType));
    return write(
      routed,
      "PatchOptions",
      (current) =>
        decodePatched(routed.request, apply(current, patch.value), {
          kind: SCALE,
          schema: lookup(SCALE),
        }) as Scale,
    );
  },
};

async function write(
  { request, info, served }: ResourceRequest,
  optionsKind: string,
  scaleFrom: (current: Scale) => Scale,
): Promise<Result> {
  const context = writeContextOf(request, optionsKind);
  const form = formOf(served);
  const transform = (stored: KubeObject | undefined): KubeObject => {
    const object = stored!;
    const scale = scaleFrom(scaleOf(object, form));
    const replicas = scale.spec?.replicas ?? 0;
    if (replicas < 0) {
      const cause = field.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
      throw invalid(SCALE, info.name, [cause]);
    }
    const { resourceVersion, uid } = scale.metadata;
    const metadata = {
      ...object.metadata,
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(uid !== undefined && { uid }),
    };
    return form.write({ ...object, metadata }, replicas);
  };
  const view = {
    kind: SCALE,
    of: (object: KubeObject): KubeObject => scaleOf(object, form),
    into: (object: KubeObject, shown: KubeObject): KubeObject =>
      form.write(object, (shown as Scale).spec?.replicas ?? 0),
  };
  const update = { subresource: "scale", mayCreate: false, transform, view };
  const { object } = await served.store.update(info.namespace, info.name, update, context);
  return answer(request, 200, scaleOf(object.object, form));
}

function scaleOf(object: KubeObject, form: ScaleForm): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    ...form.read(object),
  };
}

/** ReplicationControllers select by plain labels, the others by label selectors. */
function selectorText(object: KubeObject): string {
  const { kind, spec } = object as Scalable;
  if (spec?.selector === undefined) return "";
  const selector =
    kind === "ReplicationController"
      ? labels.fromSet(spec.selector as Readonly<Record<string, string>>)
      : labels.fromLabelSelector(spec.selector);
  return labels.format(selector);
}

function patcherOf(type: string): (current: Scale, patch: unknown) => unknown {
  switch (type) {
    case "application/json-patch+json":
      return applyJsonPatch;
    case "application/merge-patch+json":
      return applyMergePatch;
    case "application/strategic-merge-patch+json": {
      const schema = lookup(SCALE);
      if (schema === undefined) throw badRequest("scales are not known to this server");
      return (current, patch) => applyStrategicMergePatch({ ...current }, patch, schema);
    }
    default:
      throw unsupportedMediaType(PATCH_TYPES);
  }
}
