/** PodCertificateRequest asks a signer for a certificate of one pod, on behalf of its node. @module */
import type { Kind } from "#apimachinery";
import { stableVersionOf } from "../../graduated.ts";
import { PodCertificateRequests as Stored } from "../v1beta1/podcertificaterequest.ts";
import type { PodCertificateRequest } from "./types.gen.ts";

export const PodCertificateRequests: Kind<PodCertificateRequest> = stableVersionOf(Stored);
