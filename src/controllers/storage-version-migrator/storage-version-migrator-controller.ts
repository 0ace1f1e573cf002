/** Writes every object of a resource once more, so that all are stored in the present version and with the present key. @module */
import {
  apiVersionOf,
  formatTime,
  isConflict,
  keyOf,
  parseTime,
  reasonOf,
  type Kind,
  type KubeObject,
} from "#apimachinery";
import { scheme } from "#api";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import { StorageVersionMigrations } from "#api/storagemigration/v1/storageversionmigration";
import type { StorageVersionMigration } from "#api/storagemigration/v1/types.gen";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import { listAll, type Lister } from "#client";
import { source, type Controller, type ControllerContext, type Result } from "#controller-runtime";
import { customKindsOf } from "../custom-kinds.ts";
import { supports } from "../resources.ts";
import { unlessGone } from "../unless-gone.ts";
import { DefinitionStatus } from "./definition-status.ts";
import { has, isSameResource, planMigration, withCondition } from "./plan.ts";

const NAME = "storage-version-migrator-controller";
/** So long a resource may be unknown: its definition may be very young. */
const UNKNOWN_MS = 60_000;
const UNKNOWN_RETRY_MS = 5_000;
/** Answers after which the whole migration is tried again. */
const RETRIED = ["ServerTimeout", "TooManyRequests", "ServiceUnavailable", "InternalError", "Timeout"];

/** Safe on a stale cache: every write names the version it was decided on, and writing an object twice changes nothing. */
export function storageVersionMigratorController(context: ControllerContext): Controller {
  const migrator = new Migrator(context);
  const migrations = context.informers.lister(StorageVersionMigrations);
  return {
    name: NAME,
    reconciles: StorageVersionMigrations as unknown as Kind,
    watches: [
      source(StorageVersionMigrations, (changed) =>
        migrations
          .list()
          .filter((other) => isSameResource(other, changed))
          .map(keyOf),
      ),
    ],
    async reconcile(key, signal) {
      const migration = migrations.get(key);
      if (migration === undefined) return {};
      const step = planMigration(migration, migrations.list());
      if (step === "finish") await migrator.finish(migration, signal);
      else if (step === "promote") await migrator.promote(migration, signal);
      else if (step === "migrate") return migrator.migrate(migration, signal);
      return {};
    },
  };
}

class Migrator {
  readonly #context: ControllerContext;
  readonly #definitions: DefinitionStatus;
  readonly #crds: Lister<CustomResourceDefinition>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#definitions = new DefinitionStatus(context);
    this.#crds = context.informers.lister(CustomResourceDefinitions);
  }

  async promote(migration: StorageVersionMigration, signal: AbortSignal): Promise<void> {
    await this.#definitions.begin(resourceName(migration), migration.metadata.name, signal);
    const message = "The migration is running";
    await this.#set(migration, "Running", "True", "MigrationRunning", message, signal);
  }

  async finish(migration: StorageVersionMigration, signal: AbortSignal): Promise<void> {
    await this.#definitions.finish(resourceName(migration), has(migration, "Succeeded"), signal);
    const message = "Migration completed";
    await this.#set(migration, "Running", "False", "MigrationCompleted", message, signal);
  }

  /** First notes the revision up to which objects are written, so that later ones are left alone. */
  async migrate(migration: StorageVersionMigration, signal: AbortSignal): Promise<Result> {
    const kind = this.#kindOf(migration);
    if (kind === undefined) {
      const ageMs = this.#context.clock.now() - parseTime(migration.metadata.creationTimestamp!);
      if (ageMs < UNKNOWN_MS) return { requeueAfterMs: UNKNOWN_RETRY_MS };
      return this.#fail(migration, "resource does not exist in discovery", signal);
    }
    if (!supports(kind, "list") || !supports(kind, "patch")) {
      const why = `resource ${JSON.stringify(resourceName(migration))} does not support discovery operations: [list patch]`;
      return this.#fail(migration, why, signal);
    }
    const until = migration.status?.resourceVersion ?? "";
    if (until === "") {
      const { metadata } = await this.#context.client.list(kind, { limit: 1 }, signal);
      const status = { ...migration.status, resourceVersion: metadata.resourceVersion! };
      await this.#update({ ...migration, status }, signal);
      return {};
    }
    for await (const object of listAll(this.#context.client, kind, {}, signal)) {
      if (Number(object.metadata.resourceVersion) > Number(until)) continue;
      try {
        await this.#touch(kind, object, signal);
      } catch (err) {
        // Changed or deleted meanwhile: then it is stored in the present version, or not at all.
        if (isConflict(err)) continue;
        if (RETRIED.includes(reasonOf(err) ?? "")) throw err;
        return this.#fail(migration, (err as Error).message, signal);
      }
    }
    await this.#set(migration, "Succeeded", "True", "StorageVersionMigrationSucceeded", "", signal);
    return {};
  }

  /** Applies nothing: the server stores the object as it would store it now. */
  async #touch(kind: Kind, { metadata }: KubeObject, signal: AbortSignal): Promise<void> {
    const { name, namespace, uid, resourceVersion } = metadata;
    const body = {
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: { name, uid, resourceVersion },
    };
    const ref = { name, ...(namespace !== undefined && { namespace }) };
    await this.#context.client.patch(kind, ref, { type: "apply", body }, signal, { fieldManager: NAME });
  }

  /** In the version that is stored, if it is served. */
  #kindOf({ spec }: StorageVersionMigration): Kind | undefined {
    const { group = "", resource = "" } = spec?.resource ?? {};
    const builtin = scheme.kinds.find((kind) => kind.group === group && kind.names.plural === resource);
    if (builtin !== undefined) return scheme.byGvk(scheme.storedAs(builtin)) ?? builtin;
    const crd = this.#crds.get(`${resource}.${group}`);
    return crd && customKindsOf(crd)[0];
  }

  async #fail(migration: StorageVersionMigration, why: string, signal: AbortSignal): Promise<Result> {
    const message = `migration encountered unhandled error: ${why}`;
    await this.#set(migration, "Failed", "True", "StorageVersionMigrationFailed", message, signal);
    return {};
  }

  #set(
    migration: StorageVersionMigration,
    type: string,
    status: string,
    reason: string,
    message: string,
    signal: AbortSignal,
  ): Promise<unknown> {
    const lastTransitionTime = formatTime(this.#context.clock.now());
    const condition = { type, status, reason, message, lastTransitionTime };
    return this.#update(withCondition(migration, condition), signal);
  }

  /** A conflict is thrown: the cache was old, and the next change brings the key back. */
  #update(migration: StorageVersionMigration, signal: AbortSignal): Promise<unknown> {
    return unlessGone(this.#context.client.updateStatus(StorageVersionMigrations, migration, signal));
  }
}

function resourceName({ spec }: StorageVersionMigration): string {
  const { group = "", resource = "" } = spec?.resource ?? {};
  return `${resource}.${group}`;
}
