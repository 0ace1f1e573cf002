/** `k8ts server`: API server, store, controllers and scheduler in one process. @module */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { untilAborted, type Clock, type Logger } from "#apimachinery";
import {
  createApiServer,
  type Security,
  type ApiServer,
  type Authenticator,
  type UserInfo,
} from "#apiserver";
import {
  measuredTransport,
  newClient,
  newEventRecorder,
  newEventSeriesRecorder,
  newInformerFactory,
  trimManagedFields,
  type Client,
  type InformerFactory,
} from "#client";
import { certificateBlocks, derived, LiveValue, Metrics, TaskGroup, type Live } from "#component-base";
import type { Controller, ControllerContext } from "#controller-runtime";
import type { Store } from "#storage";
import { componentLogger } from "../component-log.ts";
import { controllerOptions, type ControllerFlags } from "../controller-manager/controller-flags.ts";
import { runControllers } from "../controller-manager/run-controllers.ts";
import { electionOf, type LeaderElectionFlags } from "../leader-election-flags.ts";
import { whileLeading } from "../while-leading.ts";
import { admissionOptions, type AdmissionFlags } from "./admission-flags.ts";
import { auditOptions, type AuditFlags } from "./audit-flags.ts";
import { tokenClient } from "./account-client.ts";
import { ensureAddOns, keepTrying, type AddOn } from "./add-ons.ts";
import { bootstrapRbac } from "./bootstrap-rbac.ts";
import { clusterDns, clusterInfo, metricsApi } from "./cluster-add-ons.ts";
import { serveComponent, type ComponentEndpointOptions } from "./component-endpoints.ts";
import type { ComponentFlags } from "./component-flags.ts";
import { controllerMetrics } from "./controller-metrics.ts";
import { controlPlaneNodeController } from "./control-plane-node.ts";
import { controllerManagerUser, controllerUser, schedulerUser } from "./identities.ts";
import { flowControlOptions, type FlowControlFlags } from "./flow-control-flags.ts";
import { frontProxyOptions, frontProxyPaths, type FrontProxyFlags } from "./front-proxy-flags.ts";
import { metricsServerOf } from "./metrics-server.ts";
import {
  liveKubeletClient,
  liveServing,
  readKeptCertificates,
  renewCertificates,
  type KeptCertificates,
} from "./keep-certificates.ts";
import { followFiles } from "../live-files.ts";
import { shutdownOptions, type ShutdownFlags } from "./shutdown-flags.ts";
import { openStore } from "./open-store.ts";
import { servedKinds, type RuntimeConfigFlags } from "./runtime-config.ts";
import { storageOptions, type StorageFlags } from "./storage-flags.ts";
import { openServerSecurity, type SecurityFlags } from "./server-security.ts";

export interface ServerFlags
  extends
    AuditFlags,
    AdmissionFlags,
    SecurityFlags,
    FlowControlFlags,
    FrontProxyFlags,
    ShutdownFlags,
    StorageFlags,
    RuntimeConfigFlags,
    ComponentFlags,
    ControllerFlags,
    LeaderElectionFlags {
  readonly dataDir: string;
  readonly certDir: string;
  readonly nodesDir?: string;
  readonly logDir?: string;
  readonly bindAddress: string;
  readonly securePort: number;
  readonly advertiseAddress: string;
  readonly serviceClusterIpRange: string;
  readonly clusterCidr: string;
  readonly etcdServers?: string;
  readonly controlPlaneNode?: string;
}

/** Controllers for nodes that join by token; kubeadm's clusters run them too, or have pods instead. */
const CLUSTER_CONTROLLERS = [
  "bootstrap-signer-controller",
  "token-cleaner-controller",
  "node-component-csr-approving-controller",
];

/** Until `signal` aborts; what was acknowledged is on disk when it resolves. */
export async function runServer(
  flags: ServerFlags,
  clock: Clock,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  const store = await openStore(flags);
  try {
    await serve(flags, store, clock, random, signal);
  } finally {
    await store.close();
  }
}

async function serve(
  flags: ServerFlags,
  store: Store,
  clock: Clock,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  const logger = componentLogger("kube-apiserver", flags.logDir, clock);
  const proxyPaths = frontProxyPaths(flags, flags.certDir);
  const readKept = (): Promise<KeptCertificates> => readKeptCertificates(flags.certDir, proxyPaths);
  const kept = new LiveValue(await readKept());
  const signingKeys = await readFile(join(flags.certDir, "sa.key"), "utf8");
  const keys = { clientCa: () => kept.current.ca, signingKeys };
  await using security = await openServerSecurity(flags, keys, { clock, random, logger });
  const kubeletClient = liveKubeletClient(kept);
  const metricsServer = metricsServerOf(flags, kubeletClient, clock);
  await using server = await createApiServer({
    ...(await auditOptions(flags, logger)),
    ...(await admissionOptions(flags, { clock, random })),
    ...shutdownOptions(flags),
    ...storageOptions(flags),
    ...servedKinds(flags),
    ...flowControlOptions(flags),
    ...frontProxyOptions(flags, kept),
    ...security.options,
    store,
    clock,
    random,
    logger,
    tls: liveServing(kept),
    kubeletClient,
    ...(metricsServer !== undefined && { inProcessBackends: [metricsServer] }),
    bootstrapRbac: bootstrapRbac(metricsServer !== undefined),
    serviceCIDR: flags.serviceClusterIpRange,
    advertiseAddress: flags.advertiseAddress,
    securePort: flags.securePort,
    hostname: hostname(),
  });
  const reader = newClient(server.transport(controllerManagerUser), { userAgent: "kube-controller-manager" });
  const informers = sharedInformers(reader, clock, random);
  security.attach(tokenClient(server));
  const info = clusterInfo(server, flags, () => kept.current.ca);
  const addOns = [info, clusterDns(server, flags), ...(flags.metricsServer ? [metricsApi(server)] : [])];
  const missing = await ensureAddOns(addOns, logger, signal);
  await server.listen([{ host: flags.bindAddress, port: flags.securePort }]);
  await using tasks = new TaskGroup(signal);
  tasks.start("add-ons", (stop) => keepTrying(missing, { clock, logger }, stop));
  security.start(tasks);
  keepCertificates(tasks, flags, kept, readKept, { clock, logger });
  const serving = derived(kept, ({ serving: pair, ca }) => ({ ...pair, clientCa: ca }), tasks.signal);
  serving.follow((now) => server.useCertificate(now), tasks.signal);
  const rootCA = derived(kept, ({ ca }) => ca, tasks.signal);
  tasks.start("cluster-info", (stop) => followAuthority(rootCA, info, { clock, logger }, stop));
  if (metricsServer !== undefined)
    tasks.start("metrics-server", (stop) => metricsServer.run(informers, stop));
  const serveAt = endpointServer(flags, security.options.authenticator, server, serving);
  const { signLegacyToken } = security;
  startComponents(tasks, server, informers, flags, { rootCA, signLegacyToken }, clock, random, serveAt);
  await tasks.wait();
}

/** Informers of one process share one cache of each kind. */
function sharedInformers(client: Client, clock: Clock, random: () => number): InformerFactory {
  return newInformerFactory({ client, clock, random, freeze: false, transform: trimManagedFields });
}

/** Metrics and health of a component, at a port of its own; `user` asks who may read them. */
type ServeAt = (
  at: Pick<ComponentEndpointOptions, "port" | "metrics" | "logger"> & { readonly user: UserInfo },
  signal: AbortSignal,
) => Promise<void>;

function endpointServer(
  { componentBindAddress: host }: ServerFlags,
  authenticator: Authenticator,
  server: ApiServer,
  tls: ComponentEndpointOptions["tls"],
): ServeAt {
  return ({ user, ...at }, stop) =>
    serveComponent({ ...at, host, tls, authenticator, transport: server.transport(user) }, stop);
}

function startComponents(
  tasks: TaskGroup,
  server: ApiServer,
  informers: InformerFactory,
  flags: ServerFlags,
  { rootCA, signLegacyToken }: { readonly rootCA: Live<string> } & Pick<Security, "signLegacyToken">,
  clock: Clock,
  random: () => number,
  serveAt: ServeAt,
): void {
  // Loaded when the API answers already: a third of the program, which clients need not wait for.
  const host = `${flags.bindAddress}:${flags.securePort}`;
  const clientOf = (user: UserInfo, userAgent: string, metrics: Metrics): Client =>
    newClient(measuredTransport(server.transport(user), { metrics, clock, host }), { userAgent });
  const isElected = flags.leaderElect ?? flags.etcdServers !== undefined;
  const election = (name: string): ReturnType<typeof electionOf> | undefined =>
    isElected ? electionOf(flags, name) : undefined;
  tasks.start("kube-scheduler", async (stop) => {
    const { loadSchedulerConfiguration, runScheduler, schedulerMetrics } = await import("#scheduler");
    const metrics = new Metrics(schedulerMetrics);
    metrics.describeComponent(clock.now());
    const client = clientOf(schedulerUser, "kube-scheduler", metrics);
    const logger = componentLogger("kube-scheduler", flags.logDir, clock);
    const parts = { client, component: "default-scheduler", clock, random, logger };
    const recorder = newEventRecorder(parts, stop);
    const podRecorder = newEventSeriesRecorder({ ...parts, host: hostname() }, stop);
    const { schedulerConfig: path } = flags;
    const config = path === undefined ? {} : { config: await loadSchedulerConfiguration(path) };
    const work = (leading: AbortSignal): Promise<void> =>
      runScheduler(
        { client, informers, recorder: podRecorder, clock, random, logger, metrics, ...config },
        leading,
      );
    const candidate = { client, clock, random, logger, metrics, recorder, work };
    await Promise.all([
      whileLeading(election("kube-scheduler"), candidate, stop),
      serveAt({ port: flags.schedulerSecurePort, metrics, logger, user: schedulerUser }, stop),
    ]);
  });
  tasks.start("kube-controller-manager", async (stop) => {
    const metrics = new Metrics(controllerMetrics);
    metrics.describeComponent(clock.now());
    const clientFor = (account: string): Client =>
      clientOf(controllerUser(account), "kube-controller-manager", metrics);
    const client = clientOf(controllerManagerUser, "kube-controller-manager", metrics);
    const logger = componentLogger("kube-controller-manager", flags.logDir, clock);
    const options = {
      ...controllerOptions(flags),
      rootCA,
      signLegacyToken,
      clusterCIDR: flags.clusterCidr,
      serviceCIDR: flags.serviceClusterIpRange,
      allocateNodeCIDRs: true,
      names: [...flags.controllers, ...(flags.controllers.includes("*") ? CLUSTER_CONTROLLERS : [])],
      clientFor,
      clusterSigning: { ca: () => signingPair(flags.certDir), ttlMaxMs: flags.clusterSigningDuration },
    };
    const { controlPlaneNode: node, controllerManagerSecurePort: port } = flags;
    const others = (context: ControllerContext): readonly Controller[] =>
      node === undefined
        ? []
        : [controlPlaneNodeController({ ...context, client: clientFor("node-controller") }, node)];
    const candidacy = election("kube-controller-manager");
    const run = { client, informers, clock, random, logger, metrics, options, others };
    await Promise.all([
      runControllers({ ...run, ...(candidacy !== undefined && { election: candidacy }) }, stop),
      serveAt({ port, metrics, logger, user: controllerManagerUser }, stop),
    ]);
  });
}

/** The files of certificates are looked at, and renewed, as long as the server runs. */
function keepCertificates(
  tasks: TaskGroup,
  { certDir, nodesDir }: ServerFlags,
  kept: LiveValue<KeptCertificates>,
  read: () => Promise<KeptCertificates>,
  world: { readonly clock: Clock; readonly logger: Logger },
): void {
  const renew = { certDir, ...world, ...(nodesDir !== undefined && { nodesDir }) };
  tasks.start("certificate renewal", (stop) => renewCertificates(renew, stop));
  const follow = { read, what: "Certificates of the API server", ...world };
  tasks.start("certificates", (stop) => followFiles(kept, follow, stop));
}

/** Those who join are told of a new authority; the latest one counts. */
async function followAuthority(
  ca: Live<string>,
  info: AddOn,
  world: { readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  let last = Promise.resolve();
  ca.follow(() => {
    last = last.then(async () => {
      const missing = await ensureAddOns([info], world.logger, signal);
      await keepTrying(missing, world, signal);
    });
  }, signal);
  await untilAborted(signal);
  await last;
}

/** Read for every signature: the authority may have been replaced. */
async function signingPair(
  certDir: string,
): Promise<{ readonly certificatePem: string; readonly privateKeyPem: string }> {
  const [certificatePem, privateKeyPem] = await Promise.all(
    ["ca.crt", "ca.key"].map((name) => readFile(join(certDir, name), "utf8")),
  );
  // others of the bundle are believed, and sign no more or not yet
  return { certificatePem: certificateBlocks(certificatePem!)[0] ?? "", privateKeyPem: privateKeyPem! };
}
