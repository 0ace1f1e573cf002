/** The query of a list or watch, read and checked; upstream's `ListOptions` and its validation. @module */
import {
  badRequest,
  field,
  fields,
  invalid,
  labels,
  messageOf,
  type Kind,
  type KubeObject,
  type StatusCause,
} from "#apimachinery";
import { isTrue } from "../http/request-info.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import type { Selection } from "../watchcache/selection.ts";
import { isCustomKind } from "./custom-kind.ts";

export interface ListOptions {
  readonly labelSelector: labels.Selector;
  readonly fieldSelector: fields.Selector;
  /** 0: everything. */
  readonly limit: number;
  readonly continue: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: "" | "Exact" | "NotOlderThan";
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  /** undefined: the server's choice. */
  readonly timeoutSeconds: number | undefined;
}

const MATCH = "resourceVersionMatch";
const NOT_WITH_CONTINUE = "resourceVersionMatch is forbidden when continue is provided";
const OPTIONS_KIND = { group: "meta.k8s.io", kind: "ListOptions" };

export function listOptionsOf(query: URLSearchParams, isWatch: boolean): ListOptions {
  const text = (name: string): string => query.get(name) ?? "";
  const sendInitialEvents = query.get("sendInitialEvents");
  const options: ListOptions = {
    labelSelector: parsed(() => labels.parse(text("labelSelector"))),
    fieldSelector: parsed(() => fields.parse(text("fieldSelector"))),
    limit: integer(text("limit")) ?? 0,
    continue: text("continue"),
    resourceVersion: text("resourceVersion"),
    resourceVersionMatch: text("resourceVersionMatch") as ListOptions["resourceVersionMatch"],
    allowWatchBookmarks: isTrue(query.get("allowWatchBookmarks")),
    sendInitialEvents: sendInitialEvents === null ? undefined : isTrue(sendInitialEvents),
    timeoutSeconds: integer(text("timeoutSeconds")),
  };
  const causes = isWatch ? validateWatch(options) : validateList(options);
  if (causes.length > 0) throw invalid(OPTIONS_KIND, "", causes);
  return options;
}

/** A watch without a time to begin at tells the state first, and where that ends if its client takes bookmarks. */
export function wantsInitialEvents({ sendInitialEvents, resourceVersion }: ListOptions): boolean {
  return sendInitialEvents ?? (resourceVersion === "" || resourceVersion === "0");
}

/** `undefined` for the versions that mean "any" or "the latest". */
export function revisionOf(resourceVersion: string): number | undefined {
  if (resourceVersion === "" || resourceVersion === "0") return undefined;
  if (!/^\d{1,16}$/.test(resourceVersion)) {
    const why = `strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`;
    const cause = field.invalid("resourceVersion", resourceVersion, why);
    throw badRequest(`invalid resource version: ${cause.field}: ${cause.message}`);
  }
  return Number(resourceVersion);
}

/** What the options select in a namespace ("" for all); `name` narrows to one object, as a watch of it does. */
export function selectionOf(
  kind: Kind,
  options: Pick<ListOptions, "labelSelector" | "fieldSelector">,
  namespace: string,
  name: string,
  indexedField: string | undefined,
): Selection {
  const { labelSelector } = options;
  for (const { field: path } of options.fieldSelector) checkFieldIsKnown(kind, path);
  const fieldSelector = storedSelector(kind, options.fieldSelector);
  const exactName = name === "" ? fields.requiresExactMatch(fieldSelector, "metadata.name") : name;
  const indexed =
    indexedField === undefined ? undefined : fields.requiresExactMatch(fieldSelector, indexedField);
  const isNamespaced = kind.scope === "Namespaced";
  const prefix = isNamespaced && namespace !== "" ? `${namespace}/` : "";
  const hasKey = exactName !== undefined && exactName !== "" && (!isNamespaced || prefix !== "");
  const matches = matcherOf(kind, labelSelector, fieldSelector);
  const matchesShown = shownMatcherOf(kind, fieldSelector);
  return {
    prefix,
    ...(hasKey && { key: prefix + exactName }),
    ...(indexed !== undefined && { indexed }),
    ...(matches !== undefined && { matches }),
    ...(matchesShown !== undefined && { matchesShown }),
  };
}

function matcherOf(
  kind: Kind,
  labelSelector: labels.Selector,
  fieldSelector: fields.Selector,
): ((object: CachedObject) => boolean) | undefined {
  const hasLabels = !labels.isEverything(labelSelector);
  if (!hasLabels && fieldSelector.length === 0) return undefined;
  const known = asksOutside(kind) ? fieldSelector.filter(isOfMetadata) : fieldSelector;
  const valueOf = fieldReader(kind);
  return (object) =>
    (!hasLabels || labels.matches(labelSelector, object.labels)) &&
    (known.length === 0 || fields.matches(known, (path) => valueOf(object, path)));
}

/** A custom resource is chosen by the fields of the version that is asked for, whatever version it is stored in. */
function fieldReader(kind: Kind): (object: CachedObject, path: string) => string {
  const fromStored = isCustomKind(kind) ? kind.custom.fromStored : undefined;
  if (fromStored === undefined) return (object, path) => object.fields[path] ?? "";
  const own = kind.selectableFields ?? {};
  return (object, path) => own[path]?.(fromStored(object.object)) ?? object.fields[path] ?? "";
}

function shownMatcherOf(
  kind: Kind,
  selector: fields.Selector,
): ((object: KubeObject) => boolean) | undefined {
  const left = asksOutside(kind) ? selector.filter((requirement) => !isOfMetadata(requirement)) : [];
  if (left.length === 0) return undefined;
  return (object) => fields.matches(left, (path) => kind.selectableFields?.[path]?.(object) ?? "");
}

function asksOutside(kind: Kind): boolean {
  return isCustomKind(kind) && kind.custom.conversion !== undefined;
}

function isOfMetadata({ field: path }: fields.Selector[number]): boolean {
  return path === "metadata.name" || path === "metadata.namespace";
}

/** In the words of the version that is stored, by which objects are kept. */
function storedSelector({ storedField }: Kind, selector: fields.Selector): fields.Selector {
  if (storedField === undefined) return selector;
  return selector.map((requirement) => ({ ...requirement, field: storedField(requirement.field) }));
}

function checkFieldIsKnown(kind: Kind, path: string): void {
  if (path === "metadata.name" || path === "metadata.namespace") return;
  const known: Readonly<Record<string, (object: KubeObject) => string>> = kind.selectableFields ?? {};
  if (path in known) return;
  if (Object.keys(known).length > 0) throw badRequest(`field label not supported: ${path}`);
  throw badRequest(
    `${JSON.stringify(path)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

function validateList(options: ListOptions): readonly StatusCause[] {
  const { resourceVersion, resourceVersionMatch: match, sendInitialEvents } = options;
  const causes: StatusCause[] = [];
  if (match !== "") {
    if (resourceVersion === "") {
      const why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
      causes.push(field.forbidden(MATCH, why));
    }
    if (options.continue !== "") causes.push(field.forbidden(MATCH, NOT_WITH_CONTINUE));
    if (match !== "Exact" && match !== "NotOlderThan") {
      causes.push(field.notSupported(MATCH, match, ["Exact", "NotOlderThan", ""]));
    }
    if (match === "Exact" && resourceVersion === "0") {
      const why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
      causes.push(field.forbidden(MATCH, why));
    }
  }
  if (sendInitialEvents !== undefined) {
    causes.push(field.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  return causes;
}

function validateWatch(options: ListOptions): readonly StatusCause[] {
  const { resourceVersionMatch: match, sendInitialEvents } = options;
  const causes: StatusCause[] = [];
  if (sendInitialEvents !== undefined && match !== "NotOlderThan") {
    const why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    causes.push(field.forbidden(MATCH, why));
  }
  if (match === "") return causes;
  if (sendInitialEvents === undefined) {
    const why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
    causes.push(field.forbidden(MATCH, why));
  }
  if (match !== "NotOlderThan") causes.push(field.notSupported(MATCH, match, ["NotOlderThan"]));
  if (options.continue !== "") causes.push(field.forbidden(MATCH, NOT_WITH_CONTINUE));
  return causes;
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (err) {
    throw badRequest(messageOf(err));
  }
}

/** An int64 of a query, in Go's words when it is none. Throws BadRequest. */
export function parseInteger(text: string): number {
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function integer(text: string): number | undefined {
  if (text === "") return undefined;
  return Math.max(parseInteger(text), 0);
}
