/** A DRA driver for tests: publishes its devices, and gives claims a variable, a file and a device of this machine by CDI. @module */
import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Server, ServerCredentials, type ServiceDefinition, status } from "@grpc/grpc-js";
import { pause, systemClock } from "#apimachinery";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { Device } from "#api/resource/v1/types.gen";
import type { Client } from "#client";
import { decode, encode, type Schema } from "#cri";
import {
  draHealth,
  draServices,
  type DraClaim,
  type PreparedDevice,
} from "../../src/kubelet/dra/dra-tables.ts";
import { registration } from "../../src/kubelet/pluginmanager/registration.ts";

export interface DraDriverOptions {
  readonly name: string;
  readonly nodeName: string;
  /** Kubelet's folder. */
  readonly rootDir: string;
  /** Acts as the node. */
  readonly client: Client;
  readonly devices: readonly Device[];
  /** Where the files are that containers see. */
  readonly dataDir: string;
  /** Which of the services of `draServices` it speaks. */
  readonly service?: "v1.DRAPlugin" | "v1beta1.DRAPlugin";
  /** Tells one of several plugins of the driver from another. */
  readonly instance?: string;
}

export interface DraCall {
  readonly method: "prepare" | "unprepare";
  readonly claims: readonly string[];
}

type Handler = (request: object) => Promise<object>;

const CDI_DIR = "/var/run/cdi";
const PUBLISH_MS = 500;

export class DraDriver implements AsyncDisposable {
  readonly options: DraDriverOptions;
  readonly calls: DraCall[] = [];
  /** Of preparations, one after another: fails a claim, fails all (an error), or waits (a promise). */
  readonly faults: (string | Error | Promise<void>)[] = [];
  /** Errors that kubelet has told the registrar of. */
  readonly registrationErrors: string[] = [];
  /** CDI files that are there now. */
  readonly prepared: Set<string> = new Set();
  isRegistered = false;
  #servers: readonly Server[] = [];
  #publishing: Promise<void> = Promise.resolve();
  #stop = new AbortController();
  readonly #streams = new Set<{ write(message: object): void }>();

  constructor(options: DraDriverOptions) {
    this.options = options;
  }

  get socketPath(): string {
    const { rootDir, name, instance = "" } = this.options;
    return join(rootDir, "plugins", name, `dra${instance}.sock`);
  }

  get registrationPath(): string {
    const { rootDir, name, instance = "" } = this.options;
    return join(rootDir, "plugins_registry", `${name}${instance}-reg.sock`);
  }

  async start(): Promise<void> {
    const { name, service = "v1.DRAPlugin" } = this.options;
    this.#stop = new AbortController();
    const plugin = new Server();
    const registrar = new Server();
    this.#servers = [plugin, registrar];
    serve(plugin, draServices.get(service)!, "DRAPlugin", {
      NodePrepareResources: (request) => this.#answer("prepare", request),
      NodeUnprepareResources: (request) => this.#answer("unprepare", request),
    });
    this.#serveHealth(plugin);
    await listen(plugin, this.socketPath);
    serve(registrar, registration, "Registration", {
      GetInfo: async () => ({
        type: "DRAPlugin",
        name,
        endpoint: this.socketPath,
        supportedVersions: [service, "v1alpha1.DRAResourceHealth"],
      }),
      NotifyRegistrationStatus: async (told) => {
        const { pluginRegistered, error } = told as { pluginRegistered: boolean; error: string };
        this.isRegistered = pluginRegistered;
        if (error !== "") this.registrationErrors.push(error);
        return {};
      },
    });
    await listen(registrar, this.registrationPath);
    this.#publishing = this.#keepPublished(this.#stop.signal);
  }

  /** As a crash: what it has published and prepared stays. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#publishing;
    for (const server of this.#servers) server.forceShutdown();
    this.#servers = [];
    this.#streams.clear();
    await rm(this.registrationPath, { force: true });
    await rm(this.socketPath, { force: true });
    this.isRegistered = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const path of this.prepared) await rm(path, { force: true });
    await rmdir(CDI_DIR).catch(() => {}); // others may use it
  }

  /** Of all devices. */
  tellHealth(health: "HEALTHY" | "UNHEALTHY", message = ""): void {
    const devices = this.options.devices.map(({ name: deviceName }) => ({
      device: { poolName: this.options.nodeName, deviceName },
      health,
      lastUpdatedTime: Math.floor(systemClock.now() / 1000),
      healthCheckTimeoutSeconds: 3600,
      message,
    }));
    for (const stream of this.#streams) stream.write({ devices });
  }

  count(method: DraCall["method"], claim?: string): number {
    return this.calls.filter(
      (call) => call.method === method && (claim === undefined || call.claims.includes(claim)),
    ).length;
  }

  #serveHealth(server: Server): void {
    const { path, request, response } = draHealth.method("DRAResourceHealth", "NodeWatchResources");
    const described = { ...definitionOf(path, request, response), responseStream: true };
    server.addService(
      { NodeWatchResources: described },
      {
        NodeWatchResources: (stream: Stream) => {
          this.#streams.add(stream);
          stream.on("cancelled", () => this.#streams.delete(stream));
          this.tellHealth("HEALTHY");
        },
      },
    );
  }

  /** As a driver's controller does: what somebody deletes is made again. */
  async #keepPublished(signal: AbortSignal): Promise<void> {
    const { name, nodeName, client, devices } = this.options;
    while (!signal.aborted) {
      const fieldSelector = `spec.nodeName=${nodeName},spec.driver=${name}`;
      const found = await client.list(ResourceSlices, { fieldSelector }, signal).catch(() => undefined);
      if (found?.items.length === 0) {
        const pool = { name: nodeName, generation: 1, resourceSliceCount: 1 };
        const apiVersion = "resource.k8s.io/v1" as const;
        const spec = { driver: name, nodeName, pool, devices };
        const metadata = { name: `${nodeName}-${name}` };
        await client
          .create(ResourceSlices, { apiVersion, kind: "ResourceSlice", metadata, spec }, signal)
          .catch(() => {}); // the next look tells
      }
      await pause(systemClock, PUBLISH_MS, signal);
    }
  }

  async #answer(method: DraCall["method"], request: object): Promise<object> {
    const { claims } = request as { readonly claims: readonly DraClaim[] };
    this.calls.push({ method, claims: claims.map(({ name }) => name) });
    const fault = method === "prepare" ? this.faults.shift() : undefined;
    if (fault instanceof Promise) await fault;
    if (fault instanceof Error)
      throw Object.assign(fault, { code: status.UNAVAILABLE, details: fault.message });
    const entries: object[] = [];
    for (const claim of claims) {
      const value =
        typeof fault === "string"
          ? { devices: [], error: fault }
          : method === "prepare"
            ? { devices: await this.#prepare(claim), error: "" }
            : await this.#unprepare(claim);
      entries.push({ key: claim.uid, value });
    }
    return { claims: entries };
  }

  /** One CDI file per claim; one CDI device per result. */
  async #prepare({ namespace, name: claimName, uid }: DraClaim): Promise<readonly PreparedDevice[]> {
    const { client, name: driver, dataDir } = this.options;
    const signal = AbortSignal.timeout(10_000);
    const claim = await client.get(ResourceClaims, { namespace, name: claimName }, signal);
    if (claim.metadata.uid !== uid) throw new Error(`claim ${claimName} is another one now`);
    const results = (claim.status?.allocation?.devices?.results ?? []).filter((one) => one.driver === driver);
    const kind = `${driver}/claim`;
    const devices = results.map(({ request, device, adminAccess = false }) => {
      const variable = request.replace(/\W/gu, "_").toUpperCase();
      return {
        name: `${uid}-${device}`,
        containerEdits: {
          env: [`DICE_${variable}=${device}${adminAccess ? " by an admin" : ""}`],
          mounts: [
            {
              hostPath: join(dataDir, "dice.txt"),
              containerPath: `/dice/${device}`,
              options: ["ro", "bind"],
            },
          ],
          deviceNodes: [{ path: `/dev/${device}`, hostPath: "/dev/zero", permissions: "rw" }],
        },
      };
    });
    const spec = { cdiVersion: "0.6.0", kind, devices, containerEdits: { env: [`DICE_CLAIM=${claimName}`] } };
    await mkdir(CDI_DIR, { recursive: true });
    if (devices.length > 0) await writeFile(this.#cdiPath(uid), JSON.stringify(spec));
    this.prepared.add(this.#cdiPath(uid));
    return results.map(({ request, pool, device }) => ({
      requestNames: [request.split("/")[0]!],
      poolName: pool,
      deviceName: device,
      cdiDeviceIds: [`${kind}=${uid}-${device}`],
      shareId: "",
    }));
  }

  async #unprepare({ uid }: DraClaim): Promise<object> {
    await rm(this.#cdiPath(uid), { force: true });
    this.prepared.delete(this.#cdiPath(uid));
    return { error: "" };
  }

  #cdiPath(uid: string): string {
    return join(CDI_DIR, `${this.options.name}-${uid}.json`);
  }
}

interface Stream {
  write(message: object): void;
  on(event: "cancelled", listener: () => void): void;
}
// oxlint-disable-next-line typescript/no-restricted-types -- as grpc-js has it
type Done = (err: Error | null, answer?: object) => void;
type Message = ReturnType<Schema["message"]>;

function definitionOf(path: string, request: Message, response: Message): ServiceDefinition[string] {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: object) => Buffer.from(encode(request, message)),
    requestDeserialize: (bytes: Buffer) => decode(request, bytes),
    responseSerialize: (message: object) => Buffer.from(encode(response, message)),
    responseDeserialize: (bytes: Buffer) => decode(response, bytes),
  };
}

function serve(
  server: Server,
  schema: Schema,
  service: string,
  handlers: Readonly<Record<string, Handler>>,
): void {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: Record<string, (call: { request: object }, done: Done) => void> = {};
  for (const [name, handler] of Object.entries(handlers)) {
    const { path, request, response } = schema.method(service, name);
    definition[name] = definitionOf(path, request, response);
    implementation[name] = (call, done) =>
      void handler(call.request).then(
        (answer) => done(null, answer),
        (err: unknown) => done(err as Error),
      );
  }
  server.addService(definition, implementation);
}

async function listen(server: Server, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (err) =>
      err === null ? resolve() : reject(err),
    );
  });
}
