/** Reads that ask the server for metadata only: what garbage collection, quotas and namespaces need of any kind. @module */
import type { Kind, KubeObject } from "#apimachinery";
import type { Client } from "./client.ts";
import { newClient, type ClientOptions } from "./rest-client.ts";
import type { Transport } from "./transport.ts";

/** `meta.k8s.io/v1` on the wire, whatever the object's own kind. */
export interface PartialObjectMetadata extends KubeObject {
  readonly kind: string;
}

const ACCEPT = {
  object: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
  list: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
};

/** A client whose get, list, watch and patch answer with `PartialObjectMetadata`; use it with `metadataKind`. */
export function newMetadataClient(transport: Transport, options: Omit<ClientOptions, "accept"> = {}): Client {
  return newClient(transport, { ...options, accept: ACCEPT });
}

/** The same resource, with objects typed as metadata only. */
export function metadataKind<T extends KubeObject>(kind: Kind<T>): Kind<PartialObjectMetadata> {
  const { group, version, names, scope, subresources } = kind;
  return { group, version, kind: kind.kind, names, scope, subresources, columns: [] };
}
