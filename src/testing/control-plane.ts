/** The control plane of a test cluster: the real API server on the memory store, controllers and scheduler. @module */
import { generateKeyPairSync } from "node:crypto";
import type { Clock, Logger } from "#apimachinery";
import { createApiServer, newSecurity, STANDARD_HEADERS, type ApiServer, type UserInfo } from "#apiserver";
import {
  newClient,
  newEventRecorder,
  newEventSeriesRecorder,
  type EventRecorder,
  type InformerFactory,
} from "#client";
import type { TaskGroup } from "#component-base";
import { startManager } from "#controller-runtime";
import { newControllers } from "#controllers";
import { ensureMetricsApi, MetricsServer, type Scrape } from "#metrics-server";
import { runScheduler } from "#scheduler";
import type { Store } from "#storage";
import { accountClient, tokenClient } from "../cmd/server/account-client.ts";
import { bootstrapRbac, METRICS_SERVER } from "../cmd/server/bootstrap-rbac.ts";
import { controllerManagerUser, controllerUser, schedulerUser } from "../cmd/server/identities.ts";
import { FRONT_PROXY, type TestPki } from "./certificates.ts";

export interface Surroundings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** Makes the account without which pods are refused. */
export const SERVICE_ACCOUNT_CONTROLLER = "serviceaccount-controller";
const ISSUER = "https://kubernetes.default.svc.cluster.local";
/** What an admission plugin begins and a controller must finish; without the controller the plugin is left out. */
const PLUGIN_NEEDS: Readonly<Record<string, string>> = {
  StorageObjectInUseProtection: "persistentvolumeclaim-protection-controller",
  ServiceAccount: SERVICE_ACCOUNT_CONTROLLER,
  TaintNodesByCondition: "node-lifecycle-controller",
};
const SERVICE_CIDR = "10.96.0.0/12";

export interface ServerOptions {
  readonly freezeObjects: boolean;
  /** Names of those that will run. */
  readonly controllers: readonly string[];
  /** To listen with. */
  readonly pki: TestPki | undefined;
  readonly compactionIntervalMs: number | undefined;
  readonly metricsServer: MetricsServer | undefined;
}

export async function startServer(
  store: Store,
  { clock, random, logger }: Surroundings,
  { freezeObjects, controllers, pki, compactionIntervalMs, metricsServer }: ServerOptions,
): Promise<ApiServer> {
  const { privateKey: serviceAccountKeys } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const security = newSecurity({ clock, clientCa: pki?.ca ?? "", serviceAccountKeys, issuer: ISSUER });
  const server = await createApiServer({
    store,
    clock,
    random,
    logger: logger.child({ component: "kube-apiserver" }),
    authenticator: security.authenticator,
    tokens: security.tokens,
    apiAudiences: security.apiAudiences,
    tokenIssuer: security.tokenIssuer,
    routes: security.routes,
    serviceCIDR: SERVICE_CIDR,
    freezeObjects,
    bootstrapRbac: bootstrapRbac(metricsServer !== undefined),
    ...(metricsServer !== undefined && { inProcessBackends: [metricsServer] }),
    disabledAdmissionPlugins: Object.keys(PLUGIN_NEEDS).filter(
      (plugin) => !controllers.includes(PLUGIN_NEEDS[plugin] ?? ""),
    ),
    ...(compactionIntervalMs !== undefined && { compactionIntervalMs }),
    ...(pki !== undefined && {
      tls: pki.tls,
      proxyClient: pki.frontProxy,
      requestHeader: { ...STANDARD_HEADERS, clientCa: pki.frontProxy.ca, allowedNames: [FRONT_PROXY] },
    }),
  });
  security.attach(tokenClient(server));
  return server;
}

/** What controllers and the scheduler are made of, in the process of their server. */
interface Component extends Surroundings {
  readonly client: ReturnType<typeof newClient>;
  readonly informers: InformerFactory;
  readonly recorder: EventRecorder;
}

function component(
  user: UserInfo,
  name: string,
  eventSource: string,
  server: ApiServer,
  informers: InformerFactory,
  { clock, random, logger: parent }: Surroundings,
  signal: AbortSignal,
): Component {
  const client = newClient(server.transport(user), { userAgent: name });
  const logger = parent.child({ component: name });
  const recorder = newEventRecorder({ client, component: eventSource, clock, random, logger }, signal);
  return { client, informers, recorder, clock, random, logger };
}

/** Resolves when they work. Without `pki` pods get an empty `ca.crt`, and nobody signs certificate requests. */
export async function startControllers(
  tasks: TaskGroup,
  server: ApiServer,
  informers: InformerFactory,
  surroundings: Surroundings,
  names: readonly string[],
  pki: TestPki | undefined,
): Promise<void> {
  const made = component(
    controllerManagerUser,
    "kube-controller-manager",
    "controllermanager",
    server,
    informers,
    surroundings,
    tasks.signal,
  );
  const controllers = newControllers(made, {
    names,
    rootCA: pki?.ca ?? "",
    ...(pki !== undefined && {
      clusterSigning: {
        ca: () => Promise.resolve({ certificatePem: pki.ca, privateKeyPem: pki.caKey }),
      },
    }),
    clientFor: (account) =>
      newClient(server.transport(controllerUser(account)), { userAgent: "kube-controller-manager" }),
  });
  const manager = startManager({ ...made, controllers }, tasks.signal);
  tasks.start("kube-controller-manager", () => manager.stopped);
  await manager.ready;
}

/** `scrapes`: by node. Undefined: not wanted. */
export function newMetricsServer(
  scrapes: ReadonlyMap<string, (signal: AbortSignal) => Promise<string>>,
  { clock, logger }: Surroundings,
  resolutionMs: number | undefined,
): MetricsServer | undefined {
  if (resolutionMs === 0) return undefined;
  const scrape: Scrape = (node, signal) => {
    const ofNode = scrapes.get(node.metadata.name);
    return ofNode?.(signal) ?? Promise.reject(new Error("the kubelet does not run"));
  };
  return new MetricsServer({
    scrape,
    clock,
    logger: logger.child({ component: "metrics-server" }),
    ...(resolutionMs !== undefined && { resolutionMs }),
  });
}

export function startMetricsServer(
  tasks: TaskGroup,
  metricsServer: MetricsServer | undefined,
  server: ApiServer,
  informers: InformerFactory,
): void {
  if (metricsServer === undefined) return;
  tasks.start("metrics-server", async (signal) => {
    await ensureMetricsApi(accountClient(server, METRICS_SERVER), signal);
    await metricsServer.run(informers, signal);
  });
}

export function startScheduler(
  tasks: TaskGroup,
  server: ApiServer,
  informers: InformerFactory,
  surroundings: Surroundings,
): void {
  const made = component(
    schedulerUser,
    "kube-scheduler",
    "default-scheduler",
    server,
    informers,
    surroundings,
    tasks.signal,
  );
  const { client, clock, random, logger } = made;
  const parts = { client, component: "default-scheduler", host: "localhost", clock, random, logger };
  const recorder = newEventSeriesRecorder(parts, tasks.signal);
  tasks.start("kube-scheduler", (signal) => runScheduler({ ...made, recorder }, signal));
}
