/** Conditions of the rows of finished pods. @module */
import type { RowCondition } from "#apimachinery";
import type { Pod } from "./types.gen.ts";

const COMPLETED: Readonly<Record<string, readonly RowCondition[]>> = {
  Succeeded: [
    {
      type: "Completed",
      status: "True",
      reason: "Succeeded",
      message: "The pod has completed successfully.",
    },
  ],
  Failed: [{ type: "Completed", status: "True", reason: "Failed", message: "The pod failed." }],
};

export function podRowConditions({ status }: Pod): readonly RowCondition[] {
  return COMPLETED[status?.phase ?? ""] ?? [];
}
