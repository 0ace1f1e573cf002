/** StorageVersionMigrations as objects of the API. */
import assert from "node:assert/strict";
import { StorageVersionMigrations } from "#api/storagemigration/v1/storageversionmigration";
import type { StorageVersionMigration } from "#api/storagemigration/v1/types.gen";
import { formatTime, isInvalid, systemClock } from "#apimachinery";
import { conformance } from "../harness/index.ts";
import { checkOperations, checkStatusOperations } from "./api-operations.ts";

conformance(
  "[sig-api-machinery] StorageVersionMigration CRUD Tests storagemigration.k8s.io/v1 StorageVersionMigration",
  async (t) => {
    const { client, signal, unique } = t;
    const spec = { resource: { group: "example.com", resource: unique } };
    const create = async (name: string): Promise<void> => {
      const migration: StorageVersionMigration = {
        apiVersion: "storagemigration.k8s.io/v1",
        kind: "StorageVersionMigration",
        metadata: { name },
        spec,
      };
      t.cleanup((undoing) => client.delete(StorageVersionMigrations, { name }, undoing));
      await client.create(StorageVersionMigrations, migration, signal);
    };
    // One at a time: the first waits for its resource, which nobody has, and the controller leaves the others alone.
    const first = `${unique}-first`;
    await create(first);
    await t.waitFor(
      StorageVersionMigrations,
      { name: first },
      (now) =>
        now?.status?.conditions?.some(({ type, status }) => type === "Running" && status === "True") === true,
    );
    await checkOperations(t, { kind: StorageVersionMigrations, body: { spec } });
    await create(unique);
    const other = { type: "merge", body: { spec: { resource: { resource: "others" } } } } as const;
    await assert.rejects(client.patch(StorageVersionMigrations, { name: unique }, other, signal), isInvalid);
    await checkStatusOperations(
      t,
      StorageVersionMigrations,
      unique,
      (object, mark) => ({
        ...object,
        status: {
          conditions: [
            {
              type: "example.com/Looked",
              status: "True",
              reason: "Test",
              message: mark,
              lastTransitionTime: formatTime(systemClock.now()),
            },
          ],
        },
      }),
      ({ status }) => status?.conditions?.find(({ type }) => type === "example.com/Looked")?.message,
    );
  },
);
