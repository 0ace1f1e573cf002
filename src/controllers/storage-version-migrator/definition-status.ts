/** What a CustomResourceDefinition says of a migration of its objects. @module */
import { formatTime, type Clock } from "#apimachinery";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import type { Client } from "#client";
import { unlessGone } from "../unless-gone.ts";

const FIELD_MANAGER = "migration-runner-controller";
const TYPE = "StorageMigrating";

export interface DefinitionStatusOptions {
  readonly client: Client;
  readonly clock: Clock;
}

/** Of `plural.group`; nothing happens when there is no such definition. A conflict is thrown, and tried again. */
export class DefinitionStatus {
  readonly #client: Client;
  readonly #clock: Clock;

  constructor({ client, clock }: DefinitionStatusOptions) {
    this.#client = client;
    this.#clock = clock;
  }

  async begin(name: string, migration: string, signal: AbortSignal): Promise<void> {
    const crd = await this.#get(name, signal);
    if (crd === undefined) return;
    const condition = this.#condition(crd, "True", "MigrationRunning", `Migration ${migration} is running`);
    await this.#apply(crd, { conditions: [condition] }, signal);
  }

  /** The versions that nothing is stored in any more are forgotten, if the definition did not change meanwhile. */
  async finish(name: string, isSuccess: boolean, signal: AbortSignal): Promise<void> {
    const crd = await this.#get(name, signal);
    if (crd === undefined) return;
    const begun = crd.status?.conditions?.find(({ type }) => type === TYPE);
    const isSameGeneration = begun?.observedGeneration === crd.metadata.generation;
    const end = isSameGeneration
      ? " and the stored versions have been updated"
      : " but the stored versions have not been updated due to a generation mismatch";
    const [reason, message] = isSuccess
      ? ["MigrationSucceeded", `The migration has succeeded${end}`]
      : ["MigrationFailed", "The migration has failed"];
    const storage = crd.spec.versions.find((version) => version.storage)!.name;
    const status = {
      conditions: [this.#condition(crd, "False", reason, message)],
      ...(isSuccess && isSameGeneration && { storedVersions: [storage] }),
    };
    await this.#apply(crd, status, signal);
  }

  #condition(crd: CustomResourceDefinition, status: string, reason: string, message: string): object {
    const lastTransitionTime = formatTime(this.#clock.now());
    const observedGeneration = crd.metadata.generation;
    return { type: TYPE, status, reason, message, lastTransitionTime, observedGeneration };
  }

  async #get(name: string, signal: AbortSignal): Promise<CustomResourceDefinition | undefined> {
    return unlessGone(this.#client.get(CustomResourceDefinitions, { name }, signal));
  }

  async #apply({ metadata }: CustomResourceDefinition, status: object, signal: AbortSignal): Promise<void> {
    const { name, resourceVersion } = metadata;
    const { apiVersion, kind } = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
    };
    const body = { apiVersion, kind, metadata: { name, resourceVersion }, status };
    const options = { subresource: "status", fieldManager: FIELD_MANAGER };
    const patch = { type: "apply", body, force: true } as const;
    await this.#client.patch(CustomResourceDefinitions, { name }, patch, signal, options);
  }
}
