/** The text of an error as users of Kubernetes know it. @module */
import { messageOf } from "#apimachinery";
import { RuntimeError } from "#cri";

/** gRPC's errors in gRPC's form. */
export function describeError(err: unknown): string {
  if (err instanceof RuntimeError) return err.describe();
  return messageOf(err);
}
