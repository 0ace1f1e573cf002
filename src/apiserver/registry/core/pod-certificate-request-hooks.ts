/** PodCertificateRequests: who asks has the key, and who answers may sign for the signer that was asked. @module */
import { field, invalid, parseTime, type KubeObject, type StatusCause } from "#apimachinery";
import { parseRequestDer } from "#api/certificates/der";
import { PodCertificateRequests } from "#api/certificates/v1beta1/podcertificaterequest";
import {
  validatePodCertificateRequestCreate,
  validatePodCertificateRequestStatusUpdate,
} from "#api/certificates/v1beta1/pod-certificate-request-validation";
import type { PodCertificateRequest } from "#api/certificates/v1beta1/types.gen";
import { semanticEqual } from "#api/validation/semantic-equal";
import { mayUseSigner } from "../../admission/certificates.ts";
import type { Authorizer, UserInfo } from "../../user-info.ts";
import { nothingBegun, type ResourceHooks } from "../resource-hooks.ts";
import { isProof, signatureProblem } from "./request-signature.ts";

/** Certificates begin now, as far as clocks agree. */
const SKEW_MS = 300_000;

/** What is wrong otherwise is validation's matter, and said by it alone. */
export function podCertificateRequestHooks(nowMs: () => number, authorizer: Authorizer): ResourceHooks {
  return {
    beginCreate: async (object) => {
      const request = object as PodCertificateRequest;
      if (validatePodCertificateRequestCreate(request).length === 0)
        refuseIf(request, possessionProblem(request));
      return nothingBegun(object);
    },
    beginUpdate: async (object, before, { user }) => {
      const [request, old] = [object as PodCertificateRequest, before as PodCertificateRequest];
      const isAnswer = !semanticEqual(request.status ?? {}, old.status ?? {});
      if (isAnswer && validatePodCertificateRequestStatusUpdate(request, old).length === 0)
        refuseIf(request, beginProblem(request, nowMs()) ?? (await signerProblem(old, user, authorizer)));
      return nothingBegun(object);
    },
  };
}

function refuseIf({ metadata }: KubeObject, problem: StatusCause | undefined): void {
  if (problem !== undefined) throw invalid(PodCertificateRequests, metadata.name, [problem]);
}

function possessionProblem({ spec }: PodCertificateRequest): StatusCause | undefined {
  const { stubPKCS10Request: stub, pkixPublicKey, proofOfPossession, podUID } = spec;
  if (stub) {
    const request = parseRequestDer(Buffer.from(stub, "base64"));
    const isOwn = request !== undefined && signatureProblem(request) === undefined;
    return isOwn ? undefined : field.invalidUnshown("spec.stubPKCS10Request", "invalid signature");
  }
  const [key, proof] = [pkixPublicKey ?? "", proofOfPossession ?? ""].map((text) =>
    Buffer.from(text, "base64"),
  );
  if (isProof(podUID, key!, proof!)) return undefined;
  return field.invalidUnshown("spec.proofOfPossession", "could not verify proof-of-possession signature");
}

function beginProblem({ status }: PodCertificateRequest, nowMs: number): StatusCause | undefined {
  const { notBefore } = status ?? {};
  if (notBefore === undefined || Math.abs(parseTime(notBefore) - nowMs) < SKEW_MS) return undefined;
  const detail = "must be set to within 5 minutes of kube-apiserver's current time";
  return field.invalid("status.notBefore", notBefore, detail);
}

/** By the stored signer: an answer must not choose who is asked. */
async function signerProblem(
  { spec }: PodCertificateRequest,
  user: UserInfo,
  authorizer: Authorizer,
): Promise<StatusCause | undefined> {
  const { signerName } = spec;
  if (await mayUseSigner({ user }, "sign", signerName, authorizer)) return undefined;
  const [who, signer] = [JSON.stringify(user.name), JSON.stringify(signerName)];
  return field.forbidden("spec.signerName", `User ${who} is not permitted to "sign" for signer ${signer}`);
}
