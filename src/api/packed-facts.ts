/**
 * The packed form of the generated facts. A definition is one string, so that loading all 750 of them costs no more than
 * loading text; `facts.ts` unpacks a definition when it is first asked for.
 *
 *     definition  [^ | ^*] [%atomic] field ...        ^ is a kind, ^* belongs to many group-versions
 *               | =shape                              a scalar with a name (Time)
 *     field       name:[*]shape[!][+][@1.2][;x=value ...]
 *                                                     * pointer in Go, ! required, + no omitempty, @ protobuf numbers
 *     shape       s b i l d x q t T D I j r F A B S   see SCALARS and UNTYPED; s(Protocol) names the Go type
 *               | <Name> | <core/v1#Name>             another definition, of this folder or of that one
 *               | [shape] | {shape} | ~[shape]        list, map, list that is a message of its own in protobuf
 *     ;x=         l listType, k listMapKeys, m mapType, p patchStrategy, g patchMergeKey, d default (JSON, last)
 * @module
 */
import type { ListType, PatchStrategy, Scalar, UntypedSchema } from "#apimachinery";

/** One generated `facts.gen.ts`. */
export interface PackedFacts {
  /** "" for the core group and for meta. */
  readonly group: string;
  readonly version: string;
  /** `apps/v1`: where the files lie, and the first half of a definition's reference. */
  readonly folder: string;
  /** Prefix of the names in OpenAPI: `io.k8s.api.apps.v1`. */
  readonly package: string;
  readonly definitions: Readonly<Record<string, string>>;
  /** plural -> `Kind N|C verbs subresource=group/version/Kind:verbs ...`, verbs as letters. */
  readonly resources: Readonly<Record<string, string>>;
}

export type PackedShape =
  | { readonly is: "scalar"; readonly scalar: Scalar; readonly name: string | undefined }
  | { readonly is: "untyped"; readonly form: UntypedSchema["form"] }
  /** `folder#Name`. */
  | { readonly is: "ref"; readonly ref: string }
  | { readonly is: "list"; readonly of: PackedShape; readonly wrapped: boolean }
  | { readonly is: "map"; readonly of: PackedShape };

export interface UnpackedField {
  readonly name: string;
  readonly shape: PackedShape;
  readonly pointer: boolean;
  readonly required: boolean;
  readonly omitEmpty: boolean;
  readonly protobuf: readonly number[] | undefined;
  readonly listType: ListType | undefined;
  readonly listMapKeys: readonly string[] | undefined;
  readonly mapType: "granular" | "atomic" | undefined;
  readonly patchStrategy: readonly PatchStrategy[] | undefined;
  readonly patchMergeKey: string | undefined;
  readonly default: unknown;
}

export interface UnpackedDefinition {
  /** "one": the kind of one group-version; "many": shared, as DeleteOptions. */
  readonly kind: "none" | "one" | "many";
  readonly mapType: "granular" | "atomic" | undefined;
  readonly alias: PackedShape | undefined;
  readonly fields: readonly UnpackedField[];
}

const SCALARS: Readonly<Record<string, Scalar>> = {
  s: "string",
  b: "boolean",
  i: "int32",
  l: "int64",
  d: "double",
  x: "bytes",
  q: "quantity",
  t: "time",
  T: "microTime",
  D: "duration",
  I: "intOrString",
};
const UNTYPED: Readonly<Record<string, UntypedSchema["form"]>> = {
  j: "json",
  r: "rawExtension",
  F: "fieldsV1",
  A: "schemaOrArray",
  B: "schemaOrBool",
  S: "schemaOrStrings",
};

export function unpackDefinition(text: string, folder: string): UnpackedDefinition {
  const words = text === "" ? [] : text.split(" ");
  let kind: UnpackedDefinition["kind"] = "none";
  if (words[0] === "^" || words[0] === "^*") kind = words.shift() === "^" ? "one" : "many";
  const mapType = words[0]?.startsWith("%") === true ? mapTypeOf(words.shift()!.slice(1)) : undefined;
  if (words[0]?.startsWith("=") === true) {
    return { kind, mapType, alias: new ShapeParser(words[0].slice(1), folder).shape(), fields: [] };
  }
  return { kind, mapType, alias: undefined, fields: words.map((word) => unpackField(word, folder)) };
}

function unpackField(word: string, folder: string): UnpackedField {
  // The default comes last, because JSON may hold anything.
  const at = word.indexOf(";d=");
  const json = at < 0 ? undefined : word.slice(at + 3);
  const [head, ...extras] = (at < 0 ? word : word.slice(0, at)).split(";");
  const colon = head!.indexOf(":");
  const pointer = head![colon + 1] === "*";
  const parser = new ShapeParser(head!.slice(colon + (pointer ? 2 : 1)), folder);
  const shape = parser.shape();
  const required = parser.take("!");
  const omitEmpty = !parser.take("+");
  const protobuf = parser.take("@") ? parser.rest().split(".").map(Number) : undefined;
  const extra = new Map(extras.map((e) => [e[0], e.slice(2)]));
  return {
    name: head!.slice(0, colon),
    shape,
    pointer,
    required,
    omitEmpty,
    protobuf,
    listType: extra.get("l") as ListType | undefined,
    listMapKeys: extra.get("k")?.split(","),
    mapType: mapTypeOf(extra.get("m")),
    patchStrategy: extra.get("p")?.split(",") as readonly PatchStrategy[] | undefined,
    patchMergeKey: extra.get("g"),
    default: json === undefined ? undefined : JSON.parse(json),
  };
}

function mapTypeOf(text: string | undefined): "granular" | "atomic" | undefined {
  return text === "atomic" || text === "granular" ? text : undefined;
}

class ShapeParser {
  readonly #text: string;
  readonly #folder: string;
  #at = 0;

  constructor(text: string, folder: string) {
    this.#text = text;
    this.#folder = folder;
  }

  shape(): PackedShape {
    if (this.take("<")) {
      const ref = this.#until(">");
      return { is: "ref", ref: ref.includes("#") ? ref : `${this.#folder}#${ref}` };
    }
    const wrapped = this.take("~");
    if (this.take("[")) return { is: "list", of: this.#inside("]"), wrapped };
    if (this.take("{")) return { is: "map", of: this.#inside("}") };
    const code = this.#text[this.#at++] ?? "";
    const form = UNTYPED[code];
    if (form !== undefined) return { is: "untyped", form };
    const scalar = SCALARS[code];
    if (scalar === undefined) throw new Error(`facts: unknown shape ${JSON.stringify(this.#text)}`);
    return { is: "scalar", scalar, name: this.take("(") ? this.#until(")") : undefined };
  }

  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  rest(): string {
    return this.#text.slice(this.#at);
  }

  #inside(close: string): PackedShape {
    const shape = this.shape();
    this.#until(close);
    return shape;
  }

  #until(close: string): string {
    const end = this.#text.indexOf(close, this.#at);
    const text = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return text;
  }
}
