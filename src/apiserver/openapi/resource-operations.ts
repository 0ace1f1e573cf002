/** The operations on the objects of a resource: what each verb looks like as paths. @module */
import type { Kind, Verb } from "#apimachinery";
import type { ApiResource } from "../discovery/index.ts";
import { definitionOfKind } from "./definitions.ts";
import { isCustomKind } from "../registry/custom-kind.ts";
import { documentName, groupVersionTag, groupVersionWord } from "./names.ts";
import {
  ANY_TYPE,
  OBJECT_TYPES,
  pathParametersOf,
  STREAM_TYPES,
  type Method,
  type Operation,
} from "./operation.ts";
import { actionParameters } from "./parameters.ts";
import { PATCH_DEFINITION } from "./plain-definitions.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
export const STATUS_DEFINITION: string = `${META}.Status`;
const DELETE_OPTIONS = `${META}.DeleteOptions`;
const WATCH_EVENT = `${META}.WatchEvent`;
const PATCH_TYPES: readonly string[] = [
  "application/apply-patch+yaml",
  "application/json-patch+json",
  "application/merge-patch+json",
];
const STRATEGIC = "application/strategic-merge-patch+json";

/** Resources whose deletion answers with the object that was deleted; of all others, with a Status. */
const ANSWER_DELETED: readonly RegExp[] = [
  /^\/(persistentvolumeclaims|persistentvolumes|pods|podtemplates|resourcequotas|serviceaccounts|services)$/,
  /^resource\.k8s\.io\//,
  /^storage\.k8s\.io\/(?!csistoragecapacities$)/,
];

/** What an operation adds to what all operations of its resource have. */
interface Shape {
  readonly path: string;
  readonly method: Method;
  readonly action: string;
  /** `create%Deployment`: `%` is replaced by the words of group-version and scope. */
  readonly id: string;
  readonly description: string;
  readonly answer: Readonly<Record<number, string>>;
  readonly body?: Operation["body"];
  readonly produces?: readonly string[];
}

export function resourceOperations(resource: ApiResource): readonly Operation[] {
  const { kind, plural, namespaced } = resource;
  const root = `/${documentName(kind)}`;
  const collection = `${root}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}`;
  const watched = `${root}/watch${collection.slice(root.length)}`;
  const at = {
    collection,
    object: `${collection}/{name}`,
    everywhere: `${root}/${plural}`,
    watched,
    watchedEverywhere: `${root}/watch/${plural}`,
  };
  return resource.verbs
    .flatMap((verb) => shapesOf(resource, verb as Verb, at))
    .map((shape) => operation(resource, shape));
}

type Paths = Readonly<
  Record<"collection" | "object" | "everywhere" | "watched" | "watchedEverywhere", string>
>;

function shapesOf(resource: ApiResource, verb: Verb, at: Paths): readonly Shape[] {
  const { kind } = resource;
  if (verb === "list") return listShapes(resource, listDefinition(resource), at);
  if (verb === "watch") return watchShapes(resource, at);
  const definition = definitionOfKind(kind) ?? STATUS_DEFINITION;
  return verb === "delete" || verb === "deletecollection"
    ? [deleteShape(resource, verb, definition, at)]
    : [objectShape(kind, verb, definition, at)];
}

function listDefinition({ kind }: ApiResource): string {
  const listKind = kind.names.listKind ?? `${kind.kind}List`;
  return definitionOfKind({ ...kind, kind: listKind }) ?? STATUS_DEFINITION;
}

function objectShape(
  kind: Kind,
  verb: "get" | "create" | "update" | "patch",
  definition: string,
  at: Paths,
): Shape {
  const path = at.object;
  const name = kind.kind;
  const read = { 200: definition };
  const written = { ...read, 201: definition };
  const body = { definition, required: true, mediaTypes: ANY_TYPE };
  if (verb === "get") {
    const description = `read the specified ${name}`;
    return { path, method: "get", action: "get", id: `read%${name}`, description, answer: read };
  }
  if (verb === "create") {
    const description = `create ${article(name)}`;
    const answer = { ...written, 202: definition };
    return {
      path: at.collection,
      method: "post",
      action: "post",
      id: `create%${name}`,
      description,
      answer,
      body,
    };
  }
  if (verb === "update") {
    const description = `replace the specified ${name}`;
    return { path, method: "put", action: "put", id: `replace%${name}`, description, answer: written, body };
  }
  const description = `partially update the specified ${name}`;
  const shape = { path, id: `patch%${name}`, description, answer: written, body: patchBody(kind) };
  return { ...shape, method: "patch", action: "patch" };
}

function deleteShape(
  resource: ApiResource,
  verb: "delete" | "deletecollection",
  definition: string,
  at: Paths,
): Shape {
  const name = resource.kind.kind;
  const shared = { method: "delete", action: verb, body: deleteBody } as const;
  if (verb === "deletecollection") {
    const description = `delete collection of ${name}`;
    const answer = { 200: STATUS_DEFINITION };
    return { ...shared, path: at.collection, id: `delete%Collection${name}`, description, answer };
  }
  const gone = answersDeleted(resource) ? definition : STATUS_DEFINITION;
  const description = `delete ${article(name)}`;
  return { ...shared, path: at.object, id: `delete%${name}`, description, answer: { 200: gone, 202: gone } };
}

/** kubectl sends what is named here: custom resources have no strategy by which a strategic patch could merge. */
export function patchBody(kind: Kind): NonNullable<Operation["body"]> {
  const mediaTypes = isCustomKind(kind) ? PATCH_TYPES : [...PATCH_TYPES, STRATEGIC];
  return { definition: PATCH_DEFINITION, required: true, mediaTypes };
}

const deleteBody = { definition: DELETE_OPTIONS, required: false, mediaTypes: ANY_TYPE };

function listShapes({ kind, namespaced, verbs }: ApiResource, list: string, at: Paths): readonly Shape[] {
  const canWatch = verbs.includes("watch");
  const shape: Shape = {
    path: at.collection,
    method: "get",
    action: "list",
    id: `list%${kind.kind}`,
    description: canWatch
      ? `list or watch objects of kind ${kind.kind}`
      : `list objects of kind ${kind.kind}`,
    answer: { 200: list },
    produces: STREAM_TYPES,
  };
  if (!namespaced) return [shape];
  return [shape, { ...shape, path: at.everywhere, id: `list%${kind.kind}ForAllNamespaces` }];
}

/** The watches by path of old, which clients have not used for years but documents still name. */
function watchShapes({ kind, namespaced, verbs }: ApiResource, at: Paths): readonly Shape[] {
  if (!verbs.includes("list")) return [];
  const deprecated = "deprecated: use the 'watch' parameter with a list operation instead";
  const whole: Shape = {
    path: at.watched,
    method: "get",
    action: "watchlist",
    id: `watch%${kind.kind}List`,
    description: `watch individual changes to a list of ${kind.kind}. ${deprecated}.`,
    answer: { 200: WATCH_EVENT },
    produces: STREAM_TYPES,
  };
  const single: Shape = {
    ...whole,
    path: `${at.watched}/{name}`,
    action: "watch",
    id: `watch%${kind.kind}`,
    description: `watch changes to an object of kind ${kind.kind}. ${deprecated}, filtered to a single item with the 'fieldSelector' parameter.`,
  };
  const everywhere = { ...whole, path: at.watchedEverywhere, id: `watch%${kind.kind}ListForAllNamespaces` };
  return namespaced ? [whole, single, everywhere] : [whole, single];
}

function operation({ kind, namespaced }: ApiResource, shape: Shape): Operation {
  const { path, method, action, description, body } = shape;
  const { group, version } = kind;
  return {
    path,
    method,
    id: operationId(shape.id, kind, namespaced),
    tag: groupVersionTag(kind),
    description,
    action,
    gvk: { group, version, kind: kind.kind },
    parameters: [...pathParametersOf(path, kind.kind), ...(actionParameters[action] ?? [])],
    ...(body !== undefined && { body }),
    responses: responsesOf(shape.answer),
    produces: shape.produces ?? OBJECT_TYPES,
  };
}

/** `list%PodForAllNamespaces` -> `listCoreV1PodForAllNamespaces`; scoped ones say so before their kind. */
export function operationId(pattern: string, kind: ApiResource["kind"], namespaced: boolean): string {
  const isScoped = namespaced && !pattern.endsWith("ForAllNamespaces");
  const word = groupVersionWord(kind);
  const collection = pattern.includes("%Collection");
  const at = `${word}${collection ? "Collection" : ""}${isScoped ? "Namespaced" : ""}`;
  return pattern.replace(collection ? "%Collection" : "%", at);
}

export function responsesOf(answer: Readonly<Record<number, string>>): Operation["responses"] {
  const own = Object.entries(answer).map(([code, definition]) => [Number(code), definition] as const);
  return new Map<number, string | undefined>([...own, [401, undefined]]);
}

/** `a Pod`, `an Ingress`; `Endpoints` has none, being many. */
export function article(name: string): string {
  if (name === "Endpoints") return name;
  return /^[AEIOU]/.test(name) ? `an ${name}` : `a ${name}`;
}

function answersDeleted({ kind, plural }: ApiResource): boolean {
  return ANSWER_DELETED.some((pattern) => pattern.test(`${kind.group}/${plural}`));
}
