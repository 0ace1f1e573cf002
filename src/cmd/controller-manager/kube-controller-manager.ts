/** `k8ts kube-controller-manager`: the controllers as a process of their own, a client of any API server. @module */
import { readFile } from "node:fs/promises";
import type { Clock } from "#apimachinery";
import { newClient, newInformerFactory, type Client, type Transport } from "#client";
import { clientConfigOf, loadKubeconfig, newHttpTransport, type ClientConfig } from "#client/node";
import { Metrics, TaskGroup } from "#component-base";
import type { ControllerOptions } from "#controllers";
import { componentLogger } from "../component-log.ts";
import { electionOf, type LeaderElectionFlags } from "../leader-election-flags.ts";
import { serveComponent, type ComponentEndpointOptions } from "../server/component-endpoints.ts";
import { controllerMetrics } from "../server/controller-metrics.ts";
import { newAccountClients } from "./account-clients.ts";
import { controllerOptions, type ControllerFlags } from "./controller-flags.ts";
import { delegatedAuthenticator } from "./delegated-authenticator.ts";
import { runControllers } from "./run-controllers.ts";

export interface KubeControllerManagerFlags extends ControllerFlags, LeaderElectionFlags {
  readonly kubeconfig: string;
  readonly logDir?: string;
  readonly useServiceAccountCredentials: boolean;
  readonly allocateNodeCidrs: boolean;
  readonly clusterCidr?: string;
  readonly serviceClusterIpRange?: string;
  readonly nodeCidrMaskSizeIpv4?: number;
  readonly nodeCidrMaskSizeIpv6?: number;
  readonly rootCaFile?: string;
  readonly serviceAccountPrivateKeyFile?: string;
  readonly clusterSigningCertFile?: string;
  readonly clusterSigningKeyFile?: string;
  /** ms. */
  readonly clusterSigningDuration: number;
  readonly bindAddress: string;
  readonly securePort: number;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly clientCaFile?: string;
}

const NAME = "kube-controller-manager";

/** Until `signal` aborts; rejects when leadership was lost. */
export async function runKubeControllerManager(
  flags: KubeControllerManagerFlags,
  clock: Clock,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  const kubeconfig = await loadKubeconfig({ explicitPath: flags.kubeconfig, env: {}, homeDir: "/" });
  const config = clientConfigOf(kubeconfig, {});
  const logger = componentLogger(NAME, flags.logDir, clock);
  const metrics = new Metrics(controllerMetrics);
  metrics.collectProcessMetrics();
  const transport = newHttpTransport(config, { clock, random, logger, metrics });
  const accounts = newHttpTransport(nobody(config), { clock, random, logger, metrics });
  try {
    await using tasks = new TaskGroup(signal);
    const client = newClient(transport, { userAgent: NAME });
    const options = {
      ...controllerOptions(flags),
      ...(await optionsOf(flags, clock)),
      ...(flags.useServiceAccountCredentials && {
        clientFor: accountClients(client, accounts, clock, tasks.signal),
      }),
    };
    const election = flags.leaderElect === false ? {} : { election: electionOf(flags, NAME) };
    const endpoint = await endpointOf(flags, transport, clock);
    tasks.start(NAME, (stop) => {
      const informers = newInformerFactory({ client, clock, random });
      const run = { client, informers, clock, random, logger, metrics, options, ...election };
      return runControllers(run, stop).finally(() => informers.stopped());
    });
    tasks.start("endpoint", (stop) => serveComponent({ ...endpoint, metrics, logger }, stop));
    await tasks.wait();
  } finally {
    await Promise.all([transport.close(), accounts.close()]);
  }
}

function accountClients(
  manager: Client,
  transport: Transport,
  clock: Clock,
  signal: AbortSignal,
): (account: string) => Client {
  return newAccountClients({ manager, transport, userAgent: NAME, clock, signal });
}

/** The same server without the credentials. */
function nobody({ server, ca, tlsServerName, insecureSkipTlsVerify }: ClientConfig): ClientConfig {
  return {
    server,
    ...(ca !== undefined && { ca }),
    ...(tlsServerName !== undefined && { tlsServerName }),
    ...(insecureSkipTlsVerify !== undefined && { insecureSkipTlsVerify }),
  };
}

async function optionsOf(flags: KubeControllerManagerFlags, clock: Clock): Promise<ControllerOptions> {
  const { clusterCidr, serviceClusterIpRange, nodeCidrMaskSizeIpv4, nodeCidrMaskSizeIpv6 } = flags;
  const { rootCaFile, serviceAccountPrivateKeyFile: keyFile } = flags;
  return {
    allocateNodeCIDRs: flags.allocateNodeCidrs,
    ...(clusterCidr !== undefined && { clusterCIDR: clusterCidr }),
    ...(serviceClusterIpRange !== undefined && { serviceCIDR: serviceClusterIpRange }),
    ...(nodeCidrMaskSizeIpv4 !== undefined && { nodeCIDRMaskSizeIPv4: nodeCidrMaskSizeIpv4 }),
    ...(nodeCidrMaskSizeIpv6 !== undefined && { nodeCIDRMaskSizeIPv6: nodeCidrMaskSizeIpv6 }),
    ...(rootCaFile !== undefined && { rootCA: await readFile(rootCaFile, "utf8") }),
    ...(keyFile !== undefined && (await legacyTokens(keyFile, clock))),
    ...signingOf(flags),
  };
}

async function legacyTokens(
  keyFile: string,
  clock: Clock,
): Promise<Required<Pick<ControllerOptions, "signLegacyToken">>> {
  const { newSecurity } = await import("#apiserver");
  const serviceAccountKeys = await readFile(keyFile, "utf8");
  // these tokens have an issuer of their own
  const { signLegacyToken } = newSecurity({ clock, clientCa: "", serviceAccountKeys, issuer: "" });
  return { signLegacyToken };
}

function signingOf(flags: KubeControllerManagerFlags): Pick<ControllerOptions, "clusterSigning"> {
  const { clusterSigningCertFile: certFile, clusterSigningKeyFile: keyFile } = flags;
  if (certFile === undefined && keyFile === undefined) return {};
  if (certFile === undefined || keyFile === undefined)
    throw new Error("--cluster-signing-cert-file and --cluster-signing-key-file go together");
  const ca = async (): Promise<{ readonly certificatePem: string; readonly privateKeyPem: string }> => ({
    certificatePem: await readFile(certFile, "utf8"),
    privateKeyPem: await readFile(keyFile, "utf8"),
  });
  return { clusterSigning: { ca, ttlMaxMs: flags.clusterSigningDuration } };
}

async function endpointOf(
  flags: KubeControllerManagerFlags,
  transport: Transport,
  clock: Clock,
): Promise<Omit<ComponentEndpointOptions, "metrics" | "logger">> {
  const { bindAddress: host, securePort: port, tlsCertFile, tlsPrivateKeyFile, clientCaFile } = flags;
  const clientCa = clientCaFile === undefined ? undefined : await readFile(clientCaFile, "utf8");
  const authenticator = delegatedAuthenticator(transport, clientCa, clock);
  const pair =
    tlsCertFile === undefined || tlsPrivateKeyFile === undefined
      ? await selfSigned(host, clock)
      : { cert: await readFile(tlsCertFile, "utf8"), key: await readFile(tlsPrivateKeyFile, "utf8") };
  return { host, port, tls: { ...pair, clientCa: clientCa ?? pair.cert }, authenticator, transport };
}

/** As upstream when it is given no certificate: in memory, for nobody to trust. */
async function selfSigned(
  host: string,
  clock: Clock,
): Promise<{ readonly cert: string; readonly key: string }> {
  const { createCertificateAuthority } = await import("#component-base/pki");
  const { certificatePem: cert, privateKeyPem: key } = await createCertificateAuthority(`${host}-ca`, clock);
  return { cert, key };
}
