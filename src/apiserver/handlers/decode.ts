/** Bodies as objects: media types, kinds, and fields that nobody knows, as `fieldValidation` asks. @module */
import {
  apiVersionOf,
  badRequest,
  DecodeError,
  decodeProtobuf,
  decodeTyped,
  findDuplicateFields,
  findDuplicateYamlKeys,
  invalid,
  isJsonObject,
  messageOf,
  parseJson,
  parseYaml,
  PROTOBUF_MEDIA_TYPE,
  ProtobufError,
  StatusError,
  type GroupVersionKind,
  type KubeObject,
  type ProtobufType,
  type Schema,
  type StructSchema,
} from "#apimachinery";
import { lookup } from "#api";
import type { CustomResource } from "../registry/custom-kind.ts";
import { protobufSchemaOf } from "../serialization/protobuf-form.ts";
import { acceptedTypes } from "./negotiate.ts";
import type { ApiRequest, RequestBody } from "./request.ts";
import { tellProblems } from "./strictness.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });
/** How much of a body that is no object its error shows. */
const SUMMARY_LENGTH_MAX = 30;
const REDACTED = "<secret contents redacted>";
const OPEN_BRACE = "{".charCodeAt(0);

export interface Parsed {
  readonly value: unknown;
  /** What strict decoding says of keys that occur twice; looked for only when somebody wants to know. */
  readonly duplicates: () => readonly string[];
}

/** What a body must be. */
export interface Target {
  readonly kind: GroupVersionKind;
  readonly schema: Schema | undefined;
  /** Instead of `schema` for kinds that a CustomResourceDefinition added. */
  readonly custom?: CustomResource;
}

/** How Go prints the part of an object that says what it is. */
const GO_TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
const NO_DUPLICATES = (): readonly string[] => [];

/** The value of a body in any of the formats, when it must be an object of the kind `type` that belongs to no group alone. */
export function decodeBody(body: RequestBody, type: ProtobufType): unknown {
  return parseBody(body, type, true).value;
}

/** Reads the body of a write as an object of the resource's kind. `kind` and `apiVersion` may be left to the path. */
export async function decodeObject(request: ApiRequest, served: Target): Promise<KubeObject> {
  const { kind } = served;
  const type = { apiVersion: apiVersionOf(kind), kind: kind.kind };
  const parsed = parseBody(await request.body(), type, lookup(kind) !== undefined);
  const object = asKind(parsed.value, kind);
  request.audit?.recordRequest(object);
  return typed(request, object, served, parsed.duplicates, (why) =>
    badRequest(
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: strict decoding error: ${why}`,
    ),
  );
}

/** What strict decoding finds in a patch itself, and how an error shows the patch or what came of it. */
export interface PatchProblems {
  readonly own: () => readonly string[];
  readonly shown: () => string;
}

/** The result of a patch as an object of the resource's kind; `current` is what was patched, of the same kind. */
export function decodePatched(
  request: ApiRequest,
  value: unknown,
  target: Target,
  { own, shown }: PatchProblems = { own: NO_DUPLICATES, shown: () => JSON.stringify(value) },
  current?: KubeObject,
): KubeObject {
  const refuse = (why: string): StatusError => {
    const patched = isSecret(target.kind.kind) ? REDACTED : shown();
    const message = `Invalid value: ${JSON.stringify(patched)}: ${why}`;
    return invalid({ group: "", kind: "" }, "", [{ reason: "FieldValueInvalid", field: "patch", message }]);
  };
  const strict = (why: string): StatusError => refuse(`strict decoding error: ${why}`);
  return typed(request, asKind(value, target.kind), target, own, strict, refuse, current);
}

export function mediaTypeOf(contentType: string): string {
  const end = contentType.indexOf(";");
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

export function unsupportedMediaType(accepted: string): StatusError {
  return new StatusError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  );
}

/** A body that is JSON or YAML text whatever its media type calls it: patches. `onError` words a BadRequest from what is wrong. */
export function parseText(
  body: RequestBody,
  format: "json" | "yaml",
  onError: (why: string) => string,
): Parsed {
  if (body.type === "value") return { value: withoutUndefined(body.value), duplicates: NO_DUPLICATES };
  const text = textOf(body.bytes);
  try {
    if (format === "yaml") {
      return { value: parseYaml(text), duplicates: () => findDuplicateYamlKeys(text) };
    }
    const value = parseJson(text);
    return {
      value,
      duplicates: () =>
        findDuplicateFields(text, value).map((path) => `duplicate field ${JSON.stringify(path)}`),
    };
  } catch (cause) {
    throw new StatusError("BadRequest", onError(messageOf(cause)), {
      cause,
    });
  }
}

/** `value` with the kind of the path, which it must not contradict. */
export function asKind(value: unknown, kind: GroupVersionKind): KubeObject {
  if (!isJsonObject(value)) {
    const why = `json: cannot unmarshal ${goTypeOf(value)} into Go value of type ${GO_TYPE_META}`;
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): couldn't get version/kind; json parse error: ${why}`,
    );
  }
  for (const name of ["kind", "apiVersion"]) checkText(name, value[name]);
  const object = value as Partial<KubeObject>;
  const apiVersion = apiVersionOf(kind);
  if (isGiven(object.kind) && object.kind !== kind.kind) {
    const version = JSON.stringify(versionOf(object.apiVersion ?? apiVersion));
    throw badRequest(`${String(object.kind)} in version ${version} cannot be handled as a ${kind.kind}`);
  }
  if (isGiven(object.apiVersion) && object.apiVersion !== apiVersion) {
    throw badRequest(
      `the API version in the data (${String(object.apiVersion)}) does not match the expected API version (${apiVersion})`,
    );
  }
  const { kind: _kind, apiVersion: _apiVersion, metadata = {} as KubeObject["metadata"], ...rest } = object;
  return { kind: kind.kind, apiVersion, metadata, ...rest };
}

/** `type` is what an object is that does not say what it is; `hasProtobuf`: the kind has a protobuf form. */
function parseBody(body: RequestBody, type: ProtobufType, hasProtobuf: boolean): Parsed {
  const mediaType = mediaTypeOf(body.contentType);
  if (mediaType === "application/json" || mediaType === "") {
    const about = "couldn't get version/kind; json parse error: ";
    return parseText(body, "json", (why) => unrecognized(body, type.kind, about + why));
  }
  if (mediaType === "application/yaml") {
    return parseText(body, "yaml", (why) => unrecognized(body, type.kind, why));
  }
  if (mediaType === PROTOBUF_MEDIA_TYPE && body.type === "bytes" && hasProtobuf) {
    return parseProtobuf(body.bytes, type);
  }
  throw unsupportedMediaType(acceptedTypes(hasProtobuf).join(", "));
}

function unrecognized(body: RequestBody, kind: string, why: string): string {
  const bytes = body.type === "bytes" ? Buffer.from(body.bytes) : Buffer.alloc(0);
  const summary = isSecret(kind) ? REDACTED : summaryOf(bytes);
  return `the object provided is unrecognized (must be of type ${kind}): ${why} (${summary})`;
}

/** Errors are recorded by auditing, and shown to others who read its log. */
function isSecret(kind: string): boolean {
  return kind === "Secret" || kind === "TokenReview";
}

/** JSON shows its beginning, anything else that of its bytes. */
function summaryOf(bytes: Buffer): string {
  if (bytes.length === 0) return "<empty>";
  const beginning = bytes.subarray(0, SUMMARY_LENGTH_MAX);
  const shown = bytes[0] === OPEN_BRACE ? beginning.toString() : beginning.toString("hex");
  return bytes.length > SUMMARY_LENGTH_MAX ? `${shown} ...` : shown;
}

/** Protobuf knows no duplicates and no unknown names. */
function parseProtobuf(bytes: Uint8Array, expected: ProtobufType): Parsed {
  const schemaOf = (type: ProtobufType): StructSchema | undefined =>
    protobufSchemaOf({
      apiVersion: type.apiVersion || expected.apiVersion,
      kind: type.kind || expected.kind,
    });
  try {
    return { value: decodeProtobuf(bytes, schemaOf), duplicates: NO_DUPLICATES };
  } catch (cause) {
    if (!(cause instanceof ProtobufError)) throw cause;
    throw new StatusError("BadRequest", `the object provided is unrecognized: ${cause.message}`, { cause });
  }
}

/** Drops what the schema does not know, and says so as loudly as the request wants it. */
function typed(
  request: ApiRequest,
  object: KubeObject,
  target: Target,
  duplicates: () => readonly string[],
  strictError: (why: string) => StatusError,
  typeError?: (why: string) => StatusError,
  known?: KubeObject,
): KubeObject {
  const decoded = decodedAs(object, target, typeError, known);
  if (decoded === undefined) return object;
  const unknown = (): readonly string[] =>
    decoded.unknownFields.map((path) => `unknown field ${JSON.stringify(path)}`);
  tellProblems(request, () => [...duplicates(), ...unknown()], strictError);
  const { metadata = {} } = decoded.object as { metadata?: object };
  return { ...decoded.object, metadata } as unknown as KubeObject;
}

/** Undefined: nothing is known of the fields. */
function decodedAs(
  object: KubeObject,
  { kind: { kind, version }, schema, custom }: Target,
  typeError: (why: string) => StatusError = (why) =>
    badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`),
  known?: KubeObject,
): { readonly object: object; readonly unknownFields: readonly string[] } | undefined {
  try {
    if (custom !== undefined) return custom.prune(object);
    return schema?.type === "struct" ? decodeTyped(object, schema, known) : undefined;
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw typeError(cause.message);
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new StatusError("BadRequest", "the body of the request is not valid UTF-8", { cause });
  }
}

function checkText(name: string, value: unknown): void {
  if (value === undefined || value === null || typeof value === "string") return;
  throw badRequest(
    `couldn't get version/kind; json parse error: json: cannot unmarshal ${goTypeOf(value)} into Go struct field .${name} of type string`,
  );
}

/** What Go's JSON calls the kind of a value. */
export function goTypeOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf("/") + 1);
}

/** Objects of in-process callers, as JSON would carry them; copies only what has such fields. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutUndefined(item) ?? null);
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  if (!isJsonObject(value)) return value;
  let changed: Record<string, unknown> | undefined;
  for (const key of Object.keys(value)) {
    const before = value[key];
    const after = withoutUndefined(before);
    if (after === before && before !== undefined) continue;
    changed ??= { ...value };
    if (after === undefined) delete changed[key];
    else changed[key] = after;
  }
  return changed ?? value;
}
