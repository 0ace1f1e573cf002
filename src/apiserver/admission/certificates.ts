/** Who may approve and sign certificate requests, and what no client certificate may say. @module */
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import type { ClusterTrustBundle } from "#api/certificates/v1beta1/types.gen";
import { semanticEqual } from "#api/validation/semantic-equal";
import { SYSTEM_MASTERS, type Authorizer } from "../user-info.ts";
import { subjectOfRequest } from "./certificate-request.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

const RESOURCE = "certificates.k8s.io/certificatesigningrequests";
const CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client";

export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    operations: ["UPDATE"],
    resources: [RESOURCE],
    async validate(attributes) {
      if (attributes.subresource !== "approval") return;
      await checkSigner(attributes, "approve", authorizer);
    },
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateSigning",
    operations: ["UPDATE"],
    resources: [RESOURCE],
    async validate(attributes) {
      if (attributes.subresource !== "status") return;
      const { status } = attributes.object as CertificateSigningRequest;
      const { status: old } = attributes.oldObject as CertificateSigningRequest;
      const isSame =
        status?.certificate === old?.certificate &&
        semanticEqual(status?.conditions ?? [], old?.conditions ?? []);
      if (!isSame) await checkSigner(attributes, "sign", authorizer);
    },
  };
}

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  operations: ["CREATE"],
  resources: [RESOURCE],
  async validate(attributes) {
    const { spec } = attributes.object as CertificateSigningRequest;
    if (attributes.subresource !== "" || spec.signerName !== CLIENT_SIGNER) return;
    const subject = await subjectOfRequest(spec.request);
    if (subject === undefined)
      throw refuse(attributes, "failed to parse CSR: PEM block type must be CERTIFICATE REQUEST");
    if (!subject.organizations.includes(SYSTEM_MASTERS)) return;
    throw refuse(attributes, `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`);
  },
};

/** Who publishes trust anchors in a signer's name answers for them; the signer of a bundle never changes. */
export function clusterTrustBundleAttest(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "ClusterTrustBundleAttest",
    operations: ["CREATE", "UPDATE"],
    resources: ["certificates.k8s.io/clustertrustbundles"],
    async validate(attributes) {
      const { spec } = attributes.object as ClusterTrustBundle;
      const { signerName = "" } = spec;
      const old = attributes.oldObject as ClusterTrustBundle | undefined;
      // References and finalizers are the garbage collector's business.
      const isUnchanged = old !== undefined && semanticEqual(spec, old.spec);
      if (signerName === "" || isUnchanged) return;
      if (await mayUseSigner(attributes, "attest", signerName, authorizer)) return;
      throw refuse(attributes, `user not permitted to attest for signerName ${JSON.stringify(signerName)}`);
    },
  };
}

/** By the stored signer: a request to change it must not choose who is asked. */
async function checkSigner(
  attributes: Attributes,
  verb: "approve" | "sign",
  authorizer: Authorizer,
): Promise<void> {
  const { signerName } = (attributes.oldObject as CertificateSigningRequest).spec;
  if (await mayUseSigner(attributes, verb, signerName, authorizer)) return;
  throw refuse(
    attributes,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`,
  );
}

/** The signer's domain may stand for all of its signers. */
export async function mayUseSigner(
  { user }: Pick<Attributes, "user">,
  verb: "approve" | "sign" | "attest",
  signerName: string,
  authorizer: Authorizer,
): Promise<boolean> {
  if (user.groups.includes(SYSTEM_MASTERS)) return true;
  const domain = signerName.split("/", 1)[0]!;
  for (const name of [signerName, `${domain}/*`]) {
    const decision = await authorizer.authorize({
      user,
      verb,
      isResourceRequest: true,
      path: "",
      group: "certificates.k8s.io",
      version: "*",
      resource: "signers",
      subresource: "",
      namespace: "",
      name,
    });
    if (decision.allowed) return true;
  }
  return false;
}
