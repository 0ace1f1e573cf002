/** What PersistentVolumeClaims use of a ResourceQuota. @module */
import { compareAmounts } from "#apimachinery";
import type { ResourceList } from "../pod-resources.ts";
import { storageClassOf } from "../storage-class-name.ts";
import type { PersistentVolumeClaim, ScopedResourceSelectorRequirement } from "../types.gen.ts";
import type { QuotaEvaluator } from "./evaluator.ts";
import { matchesNames } from "./evaluator.ts";

const COUNT = "count/persistentvolumeclaims";
const CLAIMS = "persistentvolumeclaims";
const STORAGE = "requests.storage";
const CLASS_SUFFIX = ".storageclass.storage.k8s.io/";

export const claimEvaluator: QuotaEvaluator<PersistentVolumeClaim> = {
  matchingResources: (names) => names.filter(isClaimResource),
  matchesScope,
  usage,
  constraints: () => undefined,
};

/** Also for one class alone: `gold.storageclass.storage.k8s.io/requests.storage`. */
function isClaimResource(name: string): boolean {
  if ([COUNT, CLAIMS, STORAGE].includes(name)) return true;
  return name.endsWith(`${CLASS_SUFFIX}${CLAIMS}`) || name.endsWith(`${CLASS_SUFFIX}${STORAGE}`);
}

function usage(claim: PersistentVolumeClaim): ResourceList {
  const className = storageClassOf(claim);
  const storage = storageOf(claim);
  const own: ResourceList = { [CLAIMS]: "1", ...(storage !== undefined && { [STORAGE]: storage }) };
  const ofClass = Object.entries(own).map(([name, amount]) => [`${className}${CLASS_SUFFIX}${name}`, amount]);
  return { [COUNT]: "1", ...own, ...(className !== "" && Object.fromEntries(ofClass)) };
}

/** While a volume grows, or failed to, the larger of what is asked for and what is being given. */
function storageOf({ spec, status }: PersistentVolumeClaim): string | undefined {
  const asked = spec?.resources?.requests?.["storage"];
  const allocated = status?.allocatedResources?.["storage"];
  if (asked === undefined || allocated === undefined) return asked;
  return compareAmounts(allocated, asked) > 0 ? allocated : asked;
}

function matchesScope(
  scope: ScopedResourceSelectorRequirement,
  { spec, status }: PersistentVolumeClaim,
): boolean {
  if (scope.scopeName !== "VolumeAttributesClass") return false;
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return matchesNames(
    scope,
    names.flatMap((name) => (name === undefined || name === "" ? [] : [name])),
  );
}
