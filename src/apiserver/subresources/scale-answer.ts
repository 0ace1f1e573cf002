/** Scales as clients ask for them: as they are, or as the row of a table. @module */
import type { Column, Kind, KubeObject } from "#apimachinery";
import { ageColumn } from "#api/printing/columns";
import type { Scale } from "#api/autoscaling/v1/types.gen";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import { negotiate } from "../handlers/negotiate.ts";
import { headerValue, queryValue, type Result } from "../handlers/request.ts";
import { includeObjectOf } from "../handlers/representation.ts";
import { columnDefinitions, tableRow } from "../handlers/table.ts";
import { answer } from "./foreign-kind.ts";

const COLUMNS: readonly Column<Scale>[] = [
  { name: "Name", type: "string", value: ({ metadata }) => metadata.name },
  { name: "Desired", type: "integer", value: ({ spec }) => spec?.replicas ?? 0 },
  { name: "Available", type: "integer", value: ({ status }) => status?.replicas ?? 0 },
  ageColumn,
];

const SCALES: Kind = {
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  names: { plural: "scales" },
  scope: "Namespaced",
  subresources: [],
  columns: COLUMNS as readonly Column<KubeObject>[],
};

export function answerScale({ request, context }: ResourceRequest, status: number, scale: Scale): Result {
  const accept = headerValue(request, "accept");
  // What no table can be made of is refused where plain values are.
  if (!/as=Table/.test(accept)) return answer(request, status, scale);
  const type = negotiate(accept);
  if (type.as !== "Table") return answer(request, status, scale);
  const apiVersion = "meta.k8s.io/v1";
  const includeObject = includeObjectOf(queryValue(request, "includeObject"));
  const table = {
    kind: "Table",
    apiVersion,
    metadata: { resourceVersion: scale.metadata.resourceVersion },
    columnDefinitions: columnDefinitions(SCALES),
    rows: [tableRow(SCALES, scale, { nowMs: context.clock.now(), includeObject, apiVersion })],
  };
  const { format } = type;
  const as = { format, contentType: `application/${format}`, pretty: false };
  return { type: "value", status, value: table, as };
}
