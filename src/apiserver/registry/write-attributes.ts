/** What admission is told of a write; a class, because it is made twice for every one. @module */
import type { GroupVersionKind, JsonObject, Kind, KubeObject } from "#apimachinery";
import type { Attributes, Operation } from "../admission/plugin.ts";
import type { RequestContext } from "./context.ts";

export interface AdmittedObjects extends Pick<Attributes, "object" | "oldObject" | "objectKind"> {
  readonly deleteOptions?: JsonObject;
}

const OPTIONS = { CREATE: "CreateOptions", UPDATE: "UpdateOptions", DELETE: "DeleteOptions" };

export class WriteAttributes implements Attributes {
  readonly operation: Operation;
  readonly kind: Kind;
  readonly requestKind: Kind;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  declare readonly object?: KubeObject;
  declare readonly oldObject?: KubeObject;
  declare readonly objectKind?: GroupVersionKind;
  readonly user: RequestContext["user"];
  readonly dryRun: boolean;
  readonly isOwn: boolean;
  readonly warn: (message: string) => void;
  readonly #context: RequestContext;
  readonly #deleteOptions: JsonObject | undefined;

  constructor(
    { kind, resource }: Pick<Attributes, "kind" | "resource">,
    operation: Operation,
    { namespace, name, subresource }: Pick<Attributes, "namespace" | "name" | "subresource">,
    context: RequestContext,
    { object, oldObject, objectKind, deleteOptions }: AdmittedObjects,
  ) {
    this.operation = operation;
    this.kind = kind;
    this.requestKind = context.requestKind ?? kind;
    this.resource = resource;
    this.subresource = subresource;
    this.namespace = namespace;
    this.name = name;
    if (object !== undefined) this.object = object;
    if (oldObject !== undefined) this.oldObject = oldObject;
    if (objectKind !== undefined) this.objectKind = objectKind;
    this.#deleteOptions = deleteOptions;
    this.user = context.user;
    this.dryRun = context.dryRun;
    this.isOwn = context.isOwn ?? false;
    this.warn = context.warn;
    this.#context = context;
  }

  addAuditAnnotation(key: string, value: string, level?: "Metadata" | "Request"): void {
    this.#context.audit?.addAuditAnnotation(key, value, level);
  }

  waited(ms: number): void {
    this.#context.waited?.(ms);
  }

  /** Made only when a plugin looks at them. */
  get options(): JsonObject | undefined {
    if (this.operation === "CONNECT") return undefined;
    const { dryRun, options } = this.#context;
    return {
      apiVersion: "meta.k8s.io/v1",
      kind: OPTIONS[this.operation],
      ...(dryRun && { dryRun: ["All"] }),
      ...(this.operation === "DELETE" ? this.#deleteOptions : options),
    };
  }

  /** Made only when a plugin waits for something. */
  get signal(): AbortSignal {
    return this.#context.signal;
  }
}
