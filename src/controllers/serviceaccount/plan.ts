/** Which ServiceAccounts a namespace has to have. @module */
import type { Namespace, ServiceAccount } from "#api/core/v1/types.gen";

/** Pods that name no ServiceAccount run as this one. */
export const DEFAULT_SERVICE_ACCOUNT = "default";

/** The accounts to create. A namespace that is being deleted accepts nothing any more. */
export function plan(namespace: Namespace, existing: ReadonlySet<string>): readonly ServiceAccount[] {
  const isActive =
    namespace.metadata.deletionTimestamp === undefined && namespace.status?.phase !== "Terminating";
  if (!isActive || existing.has(DEFAULT_SERVICE_ACCOUNT)) return [];
  const metadata = { name: DEFAULT_SERVICE_ACCOUNT, namespace: namespace.metadata.name };
  return [{ apiVersion: "v1", kind: "ServiceAccount", metadata }];
}
