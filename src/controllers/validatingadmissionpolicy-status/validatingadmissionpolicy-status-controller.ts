/** Tells the writers of ValidatingAdmissionPolicies what their expressions have wrong about types. @module */
import { isNotFound, type JsonObject, type Kind } from "#apimachinery";
import { builtinKinds } from "#api";
import { checkTypes, type TypedKind } from "#api/admissionregistration/v1/type-checking";
import type { ParamKind } from "#api/admissionregistration/v1/types.gen";
import { ValidatingAdmissionPolicies } from "#api/admissionregistration/v1/validatingadmissionpolicy";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type { Client } from "#client";
import type { Controller, ControllerContext } from "#controller-runtime";
import { customKindsOf } from "../custom-kinds.ts";
import { unlessGone } from "../unless-gone.ts";
import { kindsToCheck, needsCheck } from "./plan.ts";
import { CircularSchema, schemaOfKind, type OpenApiDocument } from "./resolve-schema.ts";

const NAME = "validatingadmissionpolicy-status-controller";

/** Safe on a stale cache: the status says which generation it is of, and a newer one brings the policy back. */
export function validatingAdmissionPolicyStatusController({
  client,
  informers,
  logger,
}: ControllerContext): Controller {
  const policies = informers.lister(ValidatingAdmissionPolicies);
  const definitions = informers.lister(CustomResourceDefinitions);
  const allKinds = (): readonly Kind[] => [...builtinKinds, ...definitions.list().flatMap(customKindsOf)];
  return {
    name: NAME,
    reconciles: ValidatingAdmissionPolicies as unknown as Kind,
    async reconcile(key, signal) {
      const policy = policies.get(key);
      if (policy === undefined || !needsCheck(policy)) return {};
      const kinds = allKinds();
      const schemas = new Schemas(client, signal);
      const typed: TypedKind[] = [];
      const matched = kindsToCheck(policy, (group, version, plural) =>
        kinds.find(
          (kind) => kind.group === group && kind.version === version && kind.names.plural === plural,
        ),
      );
      for (const kind of matched) {
        const found = await schemas.of(kind);
        if (found === undefined) logger.debug("No schema to check a policy against", { kind: kind.kind });
        else typed.push(found);
      }
      const paramKind = kindOfParams(kinds, policy.spec?.paramKind);
      const params = paramKind === undefined ? undefined : await schemas.of(paramKind);
      const status = {
        observedGeneration: policy.metadata.generation ?? 0,
        typeChecking: { expressionWarnings: checkTypes(policy, typed, params) },
      };
      const body = {
        apiVersion: policy.apiVersion,
        kind: policy.kind,
        metadata: { name: policy.metadata.name },
        status,
      };
      await unlessGone(
        client.patch(
          ValidatingAdmissionPolicies,
          { name: policy.metadata.name },
          { type: "apply", body, force: true },
          signal,
          { subresource: "status", fieldManager: NAME },
        ),
      );
      return {};
    },
  };
}

function kindOfParams(kinds: readonly Kind[], paramKind: ParamKind | undefined): Kind | undefined {
  const { apiVersion = "", kind = "" } = paramKind ?? {};
  const [version = "", group = ""] = apiVersion.split("/").toReversed();
  return kinds.find((own) => own.group === group && own.version === version && own.kind === kind);
}

/** Schemas by the server's OpenAPI, each document read once for a policy. */
class Schemas {
  readonly #client: Client;
  readonly #signal: AbortSignal;
  readonly #documents = new Map<string, OpenApiDocument>();

  constructor(client: Client, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** Undefined when there is none that can be written out. */
  async of(kind: Kind): Promise<TypedKind | undefined> {
    const { group, version } = kind;
    const schema = this.#resolve(
      await this.#document(group === "" ? `api/${version}` : `apis/${group}/${version}`),
      kind,
    );
    return schema && { name: `${group}/${version}, Kind=${kind.kind}`, kind: kind.kind, schema };
  }

  #resolve(document: OpenApiDocument, kind: Kind): JsonObject | undefined {
    try {
      return schemaOfKind(document, kind);
    } catch (err) {
      if (err instanceof CircularSchema) return undefined;
      throw err;
    }
  }

  async #document(path: string): Promise<OpenApiDocument> {
    const known = this.#documents.get(path);
    if (known !== undefined) return known;
    const read = await this.#read(path);
    this.#documents.set(path, read);
    return read;
  }

  async #read(path: string): Promise<OpenApiDocument> {
    try {
      const request = {
        method: "GET",
        path: `/openapi/v3/${path}`,
        headers: { accept: "application/json" },
      } as const;
      const { body } = await this.#client.transport.request(request, this.#signal);
      return (typeof body === "string" ? JSON.parse(body) : body) as OpenApiDocument;
    } catch (err) {
      if (isNotFound(err)) return {};
      throw err;
    }
  }
}
