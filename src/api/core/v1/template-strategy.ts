/** What the strategies of all kinds with a pod template share. @module */
import type { KubeObject, Strategy } from "#apimachinery";
import { withoutDisabledTemplateFields } from "./disabled-fields.ts";
import { warningsForPodTemplate, warningsForWorkloadName } from "./pod-warnings.ts";
import type { PodTemplateSpec } from "./types.gen.ts";

export interface TemplateLens<T extends KubeObject> {
  /** Where the template stands, as `spec.template`. */
  readonly path: string;
  readonly of: (object: T) => PodTemplateSpec | undefined;
  readonly into: (object: T, template: PodTemplateSpec) => T;
  /** Names of such objects become host names of pods. */
  readonly warnsOfName?: boolean;
}

/** Fields that are not served are dropped; templates that change are looked at again. */
export function templateStrategy<T extends KubeObject>({
  path,
  of,
  into,
  warnsOfName = false,
}: TemplateLens<T>): Strategy<T> &
  Required<Pick<Strategy<T>, "prepareForCreate" | "prepareForUpdate" | "warnings">> {
  const clean = (object: T): T => {
    const template = of(object);
    if (template === undefined) return object;
    const served = withoutDisabledTemplateFields(template);
    return served === template ? object : into(object, served);
  };
  return {
    prepareForCreate: clean,
    prepareForUpdate: clean,
    warnings: (object, old) => {
      const ofTemplate = (): readonly string[] => warningsForPodTemplate(of(object), path);
      if (old === undefined) {
        return warnsOfName
          ? [...warningsForWorkloadName(object.metadata.name), ...ofTemplate()]
          : ofTemplate();
      }
      return old.metadata.generation === object.metadata.generation ? [] : ofTemplate();
    },
  };
}
