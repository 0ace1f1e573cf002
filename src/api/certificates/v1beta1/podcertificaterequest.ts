/** PodCertificateRequest asks a signer for a certificate of one pod, on behalf of its node; the version that is stored. @module */
import type { Kind } from "#apimachinery";
import type { UnservedKind } from "../../beta-kinds.ts";
import { keepMetadata } from "../../meta/v1/status-metadata.ts";
import { formatLabels, nameColumn, text, wide } from "../../printing/columns.ts";
import {
  validatePodCertificateRequestCreate,
  validatePodCertificateRequestStatusUpdate,
  validatePodCertificateRequestUpdate,
  verdictOf,
} from "./pod-certificate-request-validation.ts";
import type { PodCertificateRequest } from "./types.gen.ts";

export const PodCertificateRequests: Kind<PodCertificateRequest> & Pick<UnservedKind, "servedByDefault"> = {
  group: "certificates.k8s.io",
  version: "v1beta1",
  kind: "PodCertificateRequest",
  names: { plural: "podcertificaterequests", singular: "podcertificaterequest" },
  scope: "Namespaced",
  subresources: ["status"],
  servedByDefault: false,
  deprecated: {
    since: "1.37",
    replacement: { group: "certificates.k8s.io", version: "v1", kind: "PodCertificateRequest" },
  },
  validateCreate: validatePodCertificateRequestCreate,
  validateUpdate: validatePodCertificateRequestUpdate,
  validateStatusUpdate: validatePodCertificateRequestStatusUpdate,
  strategy: { allowUnconditionalUpdate: false, prepareForStatusUpdate: keepMetadata },
  selectableFields: {
    "spec.signerName": ({ spec }) => spec.signerName,
    "spec.podName": ({ spec }) => spec.podName,
    "spec.nodeName": ({ spec }) => spec.nodeName,
  },
  columns: [
    nameColumn,
    text("PodName", ({ spec }) => spec.podName),
    text("ServiceAccountName", ({ spec }) => spec.serviceAccountName),
    text("NodeName", ({ spec }) => spec.nodeName),
    text("SignerName", ({ spec }) => spec.signerName),
    text("State", (request) => verdictOf(request) ?? "Pending"),
    wide("UnverifiedUserAnnotations", ({ spec }) => formatLabels(spec.unverifiedUserAnnotations)),
  ],
};
