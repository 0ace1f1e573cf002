/** The certificates of a profile: one authority, and an identity with least rights for every component. @module */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#apimachinery";
import { isRenewalDue } from "#component-base";
import {
  createCertificateAuthority,
  ensureKeyPair,
  generateServiceAccountKey,
  issueCertificate,
  loadCertificateAuthority,
  isSignedBy,
  parseCertificate,
  writeFileAtomically,
  writePrivateFile,
  type CertificateAuthority,
  type IssueOptions,
  type KeyPairPem,
} from "#component-base/pki";
import { nthIp, parseIpRanges } from "#api/validation/ip-range";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import { ipsOf, type NodeSpec, type Profile } from "./profile.ts";

/** Makes what is missing, about to expire, or no longer names the right hosts. */
export async function ensureCertificates(env: LauncherEnv, profile: Profile, clock: Clock): Promise<void> {
  const { pki } = profilePaths(env, profile.name);
  await mkdir(pki, { recursive: true, mode: 0o700 });
  const ca = await ensureAuthority(pki, "ca", "kubernetes", clock);
  const issue = (dir: string, name: string, options: IssueOptions): Promise<KeyPairPem> =>
    ensureKeyPair(
      { certificate: join(dir, `${name}.crt`), privateKey: join(dir, `${name}.key`) },
      (pair) => isGood(pair, options, ca, clock),
      () => issueCertificate(ca, options, clock),
    );
  await issue(pki, "apiserver", { ...serverNames(profile), usages: ["server"] });
  await issue(pki, "apiserver-kubelet-client", {
    commonName: "kube-apiserver-kubelet-client",
    usages: ["client"],
  });
  await issue(pki, "admin", {
    commonName: "kubernetes-admin",
    organizations: ["kubeadm:cluster-admins"],
    usages: ["client"],
  });
  await ensureFrontProxy(pki, clock);
  await ensureServiceAccountKey(join(pki, "sa.key"));
  for (const node of profile.nodes) await issueForNode(env, profile, node, ca, issue);
}

/** What runs on a node acts as the node, as kube-proxy or as CoreDNS, and as nobody else. */
async function issueForNode(
  env: LauncherEnv,
  profile: Profile,
  node: NodeSpec,
  ca: CertificateAuthority,
  issue: (dir: string, name: string, options: IssueOptions) => Promise<KeyPairPem>,
): Promise<void> {
  const dir = join(profilePaths(env, profile.name).node(node.name).dir, "pki");
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeFileAtomically(join(dir, "ca.crt"), ca.certificatePem, 0o644);
  await issue(dir, "kubelet-client", client(`system:node:${node.name}`, "system:nodes"));
  await issue(dir, "kube-proxy", client("system:kube-proxy"));
  await issue(
    dir,
    "coredns",
    client(
      "system:serviceaccount:kube-system:coredns",
      "system:serviceaccounts",
      "system:serviceaccounts:kube-system",
    ),
  );
  await issue(dir, "kubelet", {
    commonName: `system:node:${node.name}`,
    organizations: ["system:nodes"],
    dnsNames: [node.name, "localhost"],
    ipAddresses: [...new Set([...ipsOf(node), "127.0.0.1"])],
    usages: ["server"],
  });
}

function client(commonName: string, ...organizations: readonly string[]): IssueOptions {
  return { commonName, organizations, usages: ["client"] };
}

/** Names under which clients, pods and nodes call the API server. */
function serverNames(profile: Profile): Pick<IssueOptions, "commonName" | "dnsNames" | "ipAddresses"> {
  const controlPlane = profile.nodes[0]!;
  const service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  const firstServiceIP = nthIp(parseIpRanges(profile.serviceCIDR)[0]!, 1);
  return {
    commonName: "kube-apiserver",
    dnsNames: [...service, `${service[2]}.${profile.dnsDomain}`, controlPlane.name, "localhost"],
    ipAddresses: [...new Set([firstServiceIP, ...ipsOf(controlPlane), profile.apiServer.host, "127.0.0.1"])],
  };
}

/** By what the API server proves itself to the API servers behind it: an authority of its own, since it may name any user. */
async function ensureFrontProxy(pki: string, clock: Clock): Promise<void> {
  const ca = await ensureAuthority(pki, "front-proxy-ca", "front-proxy-ca", clock);
  const options = client("front-proxy-client");
  await ensureKeyPair(
    { certificate: join(pki, "front-proxy-client.crt"), privateKey: join(pki, "front-proxy-client.key") },
    (pair) => isGood(pair, options, ca, clock),
    () => issueCertificate(ca, options, clock),
  );
}

async function ensureAuthority(
  pki: string,
  name: string,
  commonName: string,
  clock: Clock,
): Promise<CertificateAuthority> {
  const paths = { certificate: join(pki, `${name}.crt`), privateKey: join(pki, `${name}.key`) };
  const pair = await ensureKeyPair(
    paths,
    () => true,
    () => createCertificateAuthority(commonName, clock),
  );
  return loadCertificateAuthority(pair);
}

async function isGood(
  pair: KeyPairPem,
  wanted: IssueOptions,
  ca: CertificateAuthority,
  clock: Clock,
): Promise<boolean> {
  const info = parseCertificate(pair.certificatePem);
  const groups = wanted.organizations ?? [];
  const names = [...(wanted.dnsNames ?? []), ...(wanted.ipAddresses ?? [])];
  const has = new Set([...info.dnsNames, ...info.ipAddresses]);
  return (
    !isRenewalDue(info, clock.now()) &&
    info.organizations.length === groups.length &&
    groups.every((group) => info.organizations.includes(group)) &&
    names.every((name) => has.has(name)) &&
    (await isSignedBy(pair.certificatePem, ca.certificatePem))
  );
}

/** Changing it would make every token in the cluster worthless. */
async function ensureServiceAccountKey(path: string): Promise<void> {
  const exists = await readFile(path).then(
    () => true,
    (err: NodeJS.ErrnoException) => {
      if (err.code === "ENOENT") return false;
      throw err;
    },
  );
  if (!exists) await writePrivateFile(path, (await generateServiceAccountKey()).privateKeyPem);
}
