/** PodCertificateRequests between v1 and v1beta1, which also has the fields in which v1.35 named keys. @module */
import type { PodCertificateRequest as Beta } from "../v1beta1/types.gen.ts";
import type { PodCertificateRequest } from "./types.gen.ts";

export function toBeta(request: PodCertificateRequest): Beta {
  return { ...request, apiVersion: "certificates.k8s.io/v1beta1" };
}

export function fromBeta({ spec, ...request }: Beta): PodCertificateRequest {
  const { pkixPublicKey: _key, proofOfPossession: _proof, ...rest } = spec;
  return { ...request, apiVersion: "certificates.k8s.io/v1", spec: rest };
}
