/** The finished documents: made when first asked for, then kept. @module */
import type { Scheme } from "#api";
import type { Kind } from "#apimachinery";
import { KUBERNETES_VERSION } from "#component-base";
import { digestOf } from "../discovery/entity-tag.ts";
import { prepareDefinitions } from "./definitions.ts";
import { documentParts, jsonText, type DocumentSource, type Part } from "./document.ts";
import { packDocument, unpackDocument, type PackedDocument } from "./packed-document.ts";
import { customDefinitions } from "./custom-definitions.ts";
import { isCustomKind } from "../registry/custom-kind.ts";
import { documentName } from "./names.ts";
import type { ProseSource } from "./prose.ts";
import { withParts } from "./remote.ts";
import type { OpenApiPart } from "../aggregation/openapi-v2-part.ts";

/** Raise it when documents change shape: what clients have kept is then out of date. */
const FORMAT = "2";

/** Its size is bounded by the group-versions of the scheme: two documents each, and two of version 2. */
export class Library {
  readonly scheme: Scheme;
  readonly #prose: ProseSource | undefined;
  readonly #parts: ReadonlyMap<string, Part>;
  readonly #packed = new Map<string, Promise<PackedDocument>>();
  readonly #hashes = new Map<string, string>();
  #kindsByName: ReadonlyMap<string, readonly Kind[]> | undefined;
  /** What other API servers add to version 2. */
  readonly #added: readonly OpenApiPart[];

  /** Documents of `before` that look the same are kept. */
  constructor(scheme: Scheme, prose?: ProseSource, before?: Library, added: readonly OpenApiPart[] = []) {
    this.scheme = scheme;
    this.#prose = prose;
    this.#added = added;
    this.#parts = documentParts(scheme);
    if (before === undefined) return;
    for (const [key, packed] of before.#packed) {
      const name = key.split(" ", 1)[0]!;
      if (before.hashOf(name) === this.hashOf(name)) this.#packed.set(key, packed);
    }
  }

  /** Keys of `/openapi/v3`. */
  names(): Iterable<string> {
    return this.#parts.keys();
  }

  has(name: string): boolean {
    return this.#parts.has(name);
  }

  /**
   * Names the content of a document without making it, so that the index costs nothing: it is derived from what the
   * document is made from. `name` is a key of version 3, or "v2".
   */
  hashOf(name: string): string {
    const known = this.#hashes.get(name);
    if (known !== undefined) return known;
    const added = name === "v2" && this.#added.length > 0 ? JSON.stringify(this.#added) : "";
    this.#kindsByName ??= Map.groupBy(this.scheme.kinds, documentName);
    const kinds = name === "v2" ? this.scheme.kinds : (this.#kindsByName.get(name) ?? []);
    const hash = digestOf(fingerprint(kinds, this.#prose), name, added);
    this.#hashes.set(name, hash);
    return hash;
  }

  v3(name: string): Promise<PackedDocument> {
    const part = this.#parts.get(name);
    if (part === undefined) return Promise.reject(new Error(`openapi: no document ${name}`));
    return this.#keep(name, () => packDocument(jsonText(this.#source("v3", [part]))));
  }

  /** As gnostic's `openapi.v3.Document`. */
  v3Protobuf(name: string): Promise<PackedDocument> {
    return this.#keep(`${name} protobuf`, async () => {
      const { protobufV3 } = await import("./protobuf/document-v3.ts");
      const json = Buffer.from(await unpackDocument(await this.v3(name))).toString();
      return packDocument(protobufV3(JSON.parse(json) as Readonly<Record<string, unknown>>));
    });
  }

  v2(): Promise<PackedDocument> {
    return this.#keep("v2 json", async () => packDocument(jsonText(await this.#v2Source())));
  }

  /** As gnostic's `openapi.v2.Document`. */
  v2Protobuf(): Promise<PackedDocument> {
    return this.#keep("v2 protobuf", async () => {
      const { encodable, protobufV2 } = await import("./protobuf/document.ts");
      return packDocument(protobufV2(encodable(await this.#v2Source())));
    });
  }

  #v2Source(): Promise<DocumentSource> {
    return withParts(this.#source("v2", [...this.#parts.values()]), this.#added);
  }

  #source(dialect: DocumentSource["dialect"], parts: readonly Part[]): DocumentSource {
    return { dialect, parts, prose: this.#prose, custom: customDefinitions(this.scheme) };
  }

  #keep(key: string, make: () => Promise<PackedDocument>): Promise<PackedDocument> {
    const known = this.#packed.get(key);
    if (known !== undefined) return known;
    const made = prepareDefinitions().then(make);
    this.#packed.set(key, made);
    // A failure is told to those who wait; the next one tries again.
    made.catch(() => this.#packed.delete(key));
    return made;
  }
}

/** The facts are those of one version of Kubernetes. */
function fingerprint(kinds: readonly Kind[], prose: ProseSource | undefined): string {
  const facts = kinds.map((kind) => [
    [kind.group, kind.version, kind.kind],
    kind.verbs,
    kind.subresources,
    isCustomKind(kind) ? kind.custom.fingerprint : "",
  ]);
  return digestOf(FORMAT, KUBERNETES_VERSION, JSON.stringify(facts), prose?.id ?? "");
}
