/** Ingresses that name no class get the cluster's default. @module */
import type { KubeObject } from "#apimachinery";
import { newest } from "#api/newest";
import type { Ingress, IngressClass } from "#api/networking/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin } from "./plugin.ts";

const DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class";
/** Before classes were objects. */
const CLASS_ANNOTATION = "kubernetes.io/ingress.class";

export function defaultIngressClass(lookup: ObjectLookup): AdmissionPlugin {
  return {
    name: "DefaultIngressClass",
    operations: ["CREATE"],
    resources: ["networking.k8s.io/ingresses"],
    admit(object, { subresource }) {
      const ingress = object as Ingress;
      const isNamed =
        ingress.spec?.ingressClassName !== undefined ||
        ingress.metadata.annotations?.[CLASS_ANNOTATION] !== undefined;
      if (isNamed || subresource !== "") return object;
      const classes = lookup.list("networking.k8s.io/ingressclasses") as readonly IngressClass[];
      const found = newest(classes.filter(isDefault));
      if (found === undefined) return object;
      return { ...ingress, spec: { ...ingress.spec, ingressClassName: found.metadata.name } } as KubeObject;
    },
  };
}

function isDefault({ metadata }: IngressClass): boolean {
  return metadata.annotations?.[DEFAULT_ANNOTATION] === "true";
}
