/** `k8ts server`: API server, store, controllers and scheduler in one process. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#apimachinery";
import { createApiServer, newSecurity, type ApiServer } from "#apiserver";
import { newClient, newEventRecorder, newInformerFactory, type Client, type InformerFactory } from "#client";
import { TaskGroup } from "#component-base";
import type { Store } from "#storage";
import { componentLogger } from "../component-log.ts";
import { ensureClusterDns } from "./cluster-dns.ts";
import { controlPlaneNodeController } from "./control-plane-node.ts";
import { openStore } from "./open-store.ts";

export interface ServerFlags {
  readonly dataDir: string;
  readonly certDir: string;
  readonly logDir?: string;
  readonly bindAddress: string;
  readonly securePort: number;
  readonly advertiseAddress: string;
  readonly serviceClusterIpRange: string;
  readonly clusterCidr: string;
  readonly etcdServers?: string;
  readonly serviceAccountIssuer: string;
  readonly controlPlaneNode?: string;
}

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
  const pem = (name: string): Promise<string> => readFile(join(flags.certDir, name), "utf8");
  const ca = await pem("ca.crt");
  const security = newSecurity({
    clock,
    clientCa: ca,
    serviceAccountKeys: await pem("sa.key"),
    issuer: flags.serviceAccountIssuer,
    jwksUri: `https://${flags.advertiseAddress}:${flags.securePort}/openid/v1/jwks`,
  });
  const { authenticator, tokenIssuer, routes } = security;
  await using server = await createApiServer({
    store,
    clock,
    random,
    logger: componentLogger("kube-apiserver", flags.logDir, clock),
    authenticator,
    tokenIssuer,
    routes,
    tls: { cert: await pem("apiserver.crt"), key: await pem("apiserver.key"), clientCa: ca },
    kubeletClient: {
      cert: await pem("apiserver-kubelet-client.crt"),
      key: await pem("apiserver-kubelet-client.key"),
      ca,
    },
    serviceCIDR: flags.serviceClusterIpRange,
    advertiseAddress: flags.advertiseAddress,
    securePort: flags.securePort,
  });
  // informers of one process share one cache of each kind
  const client = newClient(server.transport(), { userAgent: "k8ts-server" });
  const informers = newInformerFactory({ client, clock, random, freeze: false });
  security.attach(client);
  await server.listen([{ host: flags.bindAddress, port: flags.securePort }]);
  await ensureClusterDns(client, flags.serviceClusterIpRange, signal);
  await runComponents(server, informers, flags, ca, clock, random, signal);
}

async function runComponents(
  server: ApiServer,
  informers: InformerFactory,
  flags: ServerFlags,
  ca: string,
  clock: Clock,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  await using tasks = new TaskGroup(signal);
  // Loaded when the API answers already: a third of the program, which clients need not wait for.
  const clientOf = (name: string): Client => newClient(server.transport(), { userAgent: name });
  tasks.start("kube-scheduler", async (stop) => {
    const client = clientOf("kube-scheduler");
    const logger = componentLogger("kube-scheduler", flags.logDir, clock);
    const recorder = newEventRecorder(
      { client, component: "default-scheduler", clock, random, logger },
      stop,
    );
    const { runScheduler } = await import("#scheduler");
    await runScheduler({ client, informers, recorder, clock, random, logger }, stop);
  });
  tasks.start("kube-controller-manager", async (stop) => {
    const client = clientOf("kube-controller-manager");
    const logger = componentLogger("kube-controller-manager", flags.logDir, clock);
    const recorder = newEventRecorder(
      { client, component: "controllermanager", clock, random, logger },
      stop,
    );
    const context = { client, informers, recorder, clock, logger, random };
    const [{ newControllers }, { startManager }] = await Promise.all([
      import("#controllers"),
      import("#controller-runtime"),
    ]);
    const controllers = newControllers(context, {
      rootCA: ca,
      clusterCIDR: flags.clusterCidr,
      serviceCIDR: flags.serviceClusterIpRange,
      allocateNodeCIDRs: true,
    });
    const { controlPlaneNode: node } = flags;
    const own = node === undefined ? [] : [controlPlaneNodeController(context, node)];
    await startManager({ ...context, controllers: [...controllers, ...own] }, stop).stopped;
  });
  await tasks.wait();
}
