/** What admission is told of a write; a class, because it is made twice for every one. @module */
import type { Kind, KubeObject } from "#apimachinery";
import type { Attributes, Operation } from "../admission/plugin.ts";
import type { RequestContext } from "./context.ts";

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
  readonly user: RequestContext["user"];
  readonly dryRun: boolean;
  readonly isOwn: boolean;
  readonly warn: (message: string) => void;
  readonly #context: RequestContext;

  constructor(
    { kind, resource }: Pick<Attributes, "kind" | "resource">,
    operation: Operation,
    { namespace, name, subresource }: Pick<Attributes, "namespace" | "name" | "subresource">,
    context: RequestContext,
    { object, oldObject }: Pick<Attributes, "object" | "oldObject">,
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
    this.user = context.user;
    this.dryRun = context.dryRun;
    this.isOwn = context.isOwn ?? false;
    this.warn = context.warn;
    this.#context = context;
  }

  /** Made only when a plugin waits for something. */
  get signal(): AbortSignal {
    return this.#context.signal;
  }
}
