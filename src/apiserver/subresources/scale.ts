/** `scale`: the number of replicas of whatever has one, in the same shape for all. @module */
import {
  apiVersionOf,
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  field,
  invalid,
  labels,
  StatusError,
  type KubeObject,
} from "#apimachinery";
import { lookup } from "#api";
import type { Scale } from "#api/autoscaling/v1/types.gen";
import { readOne } from "../handlers/converted.ts";
import { decodePatched, mediaTypeOf, unsupportedMediaType } from "../handlers/decode.ts";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import {
  APPLY_PATCH,
  applyOptionsOf,
  checkForce,
  configurationOf,
  parsePatch,
  PATCH_TYPES,
} from "../handlers/patch-body.ts";
import type { Result } from "../handlers/request.ts";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import { checkIdentity } from "../handlers/write.ts";
import { writeContextOf } from "../handlers/write-options.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import { customScale } from "./custom-scale.ts";
import { decodeForeign } from "./foreign-kind.ts";
import { answerScale } from "./scale-answer.ts";

const SCALE = { group: "autoscaling", version: "v1", kind: "Scale" };
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
  get: async (routed) => {
    const { request, info, served } = routed;
    const { object } = await served.store.get(info.namespace, info.name);
    return answerScale(routed, 200, scaleOf(await readOne(served, object, request.signal), formOf(served)));
  },
  update: async (routed) => {
    const scale = (await decodeForeign(routed.request, SCALE)) as Scale;
    checkIdentity(scale, routed.info.name, routed.info.namespace);
    return write(routed, "UpdateOptions", () => scale);
  },
  patch: async (routed) => {
    const { request } = routed;
    const body = await request.body();
    const type = mediaTypeOf(body.contentType);
    if (!PATCH_TYPES.includes(type)) throw unsupportedMediaType(PATCH_TYPES.join(", "));
    checkForce(request, type);
    const { value } = parsePatch(body, type);
    if (type === APPLY_PATCH) return applyScale(routed, configurationOf(value, SCALE) as Scale);
    const apply = patcherOf(type);
    const target = { kind: SCALE, schema: lookup(SCALE) };
    return write(
      routed,
      "PatchOptions",
      (current) => decodePatched(request, apply(current, value), target) as Scale,
    );
  },
};

/** Whoever applies a scale owns the number of replicas of the object itself, through the subresource. */
function applyScale(
  { request, info, served, context: handlers }: ResourceRequest,
  scale: Scale,
): Promise<Result> {
  const { fieldManager, clock } = handlers;
  if (fieldManager === undefined) {
    throw new StatusError("UnsupportedMediaType", "server-side apply is switched off on this server");
  }
  checkScaleConfiguration(scale, info);
  const options = applyOptionsOf(request);
  const { kind } = served;
  const form = formOf(served);
  const { replicas } = scale.spec ?? {};
  const { name, namespace, resourceVersion, uid } = scale.metadata;
  const metadata = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(uid !== undefined && { uid }),
  };
  const bare: KubeObject = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata };
  const config = replicas === undefined ? bare : form.write(bare, checkedReplicas(replicas, info.name));
  const transform = (stored: KubeObject | undefined): KubeObject =>
    fieldManager.apply({
      kind,
      config,
      old: stored,
      ...options,
      subresource: "scale",
      nowMs: clock.now(),
    });
  return store({ request, info, served, context: handlers }, "PatchOptions", transform, true);
}

function checkScaleConfiguration(scale: Scale, info: ResourceRequest["info"]): void {
  const apiVersion: string = scale.apiVersion;
  if (apiVersion !== "autoscaling/v1") {
    const versions = `Specified patch version: ${apiVersion}, expected: autoscaling/v1`;
    throw badRequest(`Incorrect version specified in apply patch. ${versions}`);
  }
  checkIdentity(scale, info.name, info.namespace);
}

function checkedReplicas(replicas: number, name: string): number {
  if (replicas >= 0) return replicas;
  const cause = field.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
  throw invalid(SCALE, name, [cause]);
}

async function write(
  routed: ResourceRequest,
  optionsKind: string,
  scaleFrom: (current: Scale) => Scale,
): Promise<Result> {
  const { info, served } = routed;
  const form = formOf(served);
  const transform = (stored: KubeObject | undefined): KubeObject => {
    const object = stored!;
    const scale = scaleFrom(scaleOf(object, form));
    const replicas = checkedReplicas(scale.spec?.replicas ?? 0, info.name);
    const { resourceVersion, uid } = scale.metadata;
    const metadata = {
      ...object.metadata,
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(uid !== undefined && { uid }),
    };
    return form.write({ ...object, metadata }, replicas);
  };
  return store(routed, optionsKind, transform, false);
}

async function store(
  routed: ResourceRequest,
  optionsKind: string,
  transform: (stored: KubeObject | undefined) => KubeObject,
  ownsManagedFields: boolean,
): Promise<Result> {
  const { request, info, served } = routed;
  const context = writeContextOf(request, optionsKind);
  const form = formOf(served);
  const view = {
    kind: SCALE,
    of: (object: KubeObject): KubeObject => scaleOf(object, form),
    into: (object: KubeObject, shown: KubeObject): KubeObject =>
      form.write(object, (shown as Scale).spec?.replicas ?? 0),
  };
  const update = { subresource: "scale", mayCreate: false, transform, view, ownsManagedFields };
  const { object } = await served.store.update(info.namespace, info.name, update, context);
  return answerScale(routed, 200, scaleOf(object.object, form));
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
      throw unsupportedMediaType(PATCH_TYPES.join(", "));
  }
}
