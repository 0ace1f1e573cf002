/** `k8ts kube-controller-manager`: the controllers as a process of their own, a client of any API server. @module */
import { readFile } from "node:fs/promises";
import type { Clock } from "#apimachinery";
import { newClient, newInformerFactory, trimManagedFields, type Client, type Transport } from "#client";
import { clientConfigOf, loadKubeconfig, newHttpTransport, type ClientConfig } from "#client/node";
import { certificateBlocks, LiveValue, Metrics, TaskGroup, type Live } from "#component-base";
import type { ControllerOptions } from "#controllers";
import { componentLogger } from "../component-log.ts";
import { followFiles, readBundle, readPair } from "../live-files.ts";
import { electionOf, type LeaderElectionFlags } from "../leader-election-flags.ts";
import {
  serveComponent,
  type ComponentEndpointOptions,
  type EndpointTls,
} from "../server/component-endpoints.ts";
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
  readonly bindAddress: string;
  readonly securePort: number;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly clientCaFile?: string;
}

/** Reads files, and again as long as the process runs. */
type Follow = <T extends object | string>(what: string, read: () => Promise<T>) => Promise<Live<T>>;

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
  metrics.describeComponent(clock.now());
  const transport = newHttpTransport(config, { clock, random, logger, metrics });
  const accounts = newHttpTransport(nobody(config), { clock, random, logger, metrics });
  try {
    await using tasks = new TaskGroup(signal);
    const follow: Follow = async <T extends object | string>(what: string, read: () => Promise<T>) => {
      const live = new LiveValue<T>(await read());
      tasks.start(what, (stop) => followFiles(live, { read, what, clock, logger }, stop));
      return live;
    };
    const client = newClient(transport, { userAgent: NAME });
    const options = {
      ...controllerOptions(flags),
      ...(await optionsOf(flags, clock, follow)),
      ...(flags.useServiceAccountCredentials && {
        clientFor: accountClients(client, accounts, clock, tasks.signal),
      }),
    };
    const election = flags.leaderElect === false ? {} : { election: electionOf(flags, NAME) };
    const endpoint = await endpointOf(flags, transport, clock, follow);
    tasks.start(NAME, (stop) => {
      const informers = newInformerFactory({ client, clock, random, transform: trimManagedFields });
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

async function optionsOf(
  flags: KubeControllerManagerFlags,
  clock: Clock,
  follow: Follow,
): Promise<ControllerOptions> {
  const { clusterCidr, serviceClusterIpRange, nodeCidrMaskSizeIpv4, nodeCidrMaskSizeIpv6 } = flags;
  const { rootCaFile, serviceAccountPrivateKeyFile: keyFile } = flags;
  const rootCA =
    rootCaFile === undefined
      ? undefined
      : await follow("The root certificates", () => readBundle(rootCaFile));
  return {
    allocateNodeCIDRs: flags.allocateNodeCidrs,
    ...(clusterCidr !== undefined && { clusterCIDR: clusterCidr }),
    ...(serviceClusterIpRange !== undefined && { serviceCIDR: serviceClusterIpRange }),
    ...(nodeCidrMaskSizeIpv4 !== undefined && { nodeCIDRMaskSizeIPv4: nodeCidrMaskSizeIpv4 }),
    ...(nodeCidrMaskSizeIpv6 !== undefined && { nodeCIDRMaskSizeIPv6: nodeCidrMaskSizeIpv6 }),
    ...(rootCA !== undefined && { rootCA }),
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
    // of a bundle the first one signs
    certificatePem: certificateBlocks(await readFile(certFile, "utf8"))[0] ?? "",
    privateKeyPem: await readFile(keyFile, "utf8"),
  });
  return { clusterSigning: { ca, ttlMaxMs: flags.clusterSigningDuration } };
}

async function endpointOf(
  flags: KubeControllerManagerFlags,
  transport: Transport,
  clock: Clock,
  follow: Follow,
): Promise<Omit<ComponentEndpointOptions, "metrics" | "logger">> {
  const { bindAddress: host, securePort: port, tlsCertFile, tlsPrivateKeyFile, clientCaFile } = flags;
  const isGiven = tlsCertFile !== undefined && tlsPrivateKeyFile !== undefined;
  const own = isGiven ? undefined : await selfSigned(host, clock);
  const tls = await follow("The certificates of the endpoint", async (): Promise<EndpointTls> => {
    const pair = own ?? (await readPair({ cert: tlsCertFile!, key: tlsPrivateKeyFile! }));
    return { ...pair, clientCa: clientCaFile === undefined ? pair.cert : await readBundle(clientCaFile) };
  });
  const clientCa = clientCaFile === undefined ? undefined : (): string => tls.current.clientCa;
  return { host, port, tls, authenticator: delegatedAuthenticator(transport, clientCa, clock), transport };
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
