/** What the API server warns about in StatefulSets. @module */
import type { Strategy } from "#apimachinery";
import { warningsForClaimSpec } from "../../core/v1/persistentvolumeclaim-warnings.ts";
import { templateStrategy } from "../../core/v1/template-strategy.ts";
import type { StatefulSet } from "./types.gen.ts";

const ofTemplate = templateStrategy<StatefulSet>({
  path: "spec.template",
  of: (object) => object.spec?.template,
  into: (object, template) => ({ ...object, spec: { ...object.spec!, template } }),
});

export const statefulSetStrategy: Strategy<StatefulSet> = {
  ...ofTemplate,
  warnings: (sts, old, subresource) => [
    ...ofTemplate.warnings(sts, old, subresource),
    ...(subresource === "status" ? [] : warningsForSpec(sts, old)),
  ],
};

/** Upstream names the path of claims in two ways. */
function warningsForSpec({ spec }: StatefulSet, old: StatefulSet | undefined): readonly string[] {
  const below = old === undefined ? "" : ".Spec";
  return [
    ...(spec?.volumeClaimTemplates ?? []).flatMap((claim, i) =>
      warningsForClaimSpec(claim.spec, `spec.volumeClaimTemplates[${i}]${below}`),
    ),
    ...((spec?.revisionHistoryLimit ?? 0) < 0
      ? [
          "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
        ]
      : []),
  ];
}
