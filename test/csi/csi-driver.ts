/** A CSI driver for tests: identity, controller and node in one process, its volumes folders or loop devices of this machine. @module */
import { execFile } from "node:child_process";
import { mkdir, rm, rmdir, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Server, ServerCredentials, status, type ServiceDefinition } from "@grpc/grpc-js";
import { decode, encode, type Method, type Schema } from "#cri";
import { registration } from "../../src/kubelet/pluginmanager/registration.ts";
import { csi } from "../../src/kubelet/volumes/csi/csi-tables.ts";

const run = promisify(execFile);

export interface Call {
  readonly method: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the message holds
  readonly request: any;
}

export interface CsiDriverOptions {
  readonly name: string;
  /** Kubelet's folder. */
  readonly rootDir: string;
  /** Where the volumes are. */
  readonly dataDir: string;
  readonly nodeCapabilities?: readonly string[];
  readonly topology?: Readonly<Record<string, string>>;
  readonly maxVolumes?: number;
}

/** What the next call of a method does instead: fails with this status, or waits. */
export interface Fault {
  readonly code?: keyof typeof status;
  readonly message?: string;
  readonly until?: Promise<void>;
}

const NODE_CAPABILITIES = ["STAGE_UNSTAGE_VOLUME", "GET_VOLUME_STATS", "EXPAND_VOLUME"];
const GIB = 2 ** 30;

/** Every field that a handler reads; each message has some of them. */
interface Request {
  readonly volumeId: string;
  readonly name: string;
  readonly nodeId: string;
  readonly stagingTargetPath: string;
  readonly targetPath: string;
  readonly readonly: boolean;
  readonly capacityRange: { readonly requiredBytes: number };
  readonly volumeCapability: { readonly block?: object };
  readonly pluginRegistered: boolean;
  readonly error: string;
}

type Handler = (request: Request) => Promise<object>;

export class CsiDriver implements AsyncDisposable {
  readonly options: CsiDriverOptions;
  readonly calls: Call[] = [];
  /** By method; each is used up by one call. */
  readonly faults: Map<string, Fault[]> = new Map();
  readonly sizes: Map<string, number> = new Map();
  /** Errors that kubelet has told the registrar of. */
  readonly registrationErrors: string[] = [];
  /** Called after whatever kubelet has told or asked. */
  onChange: () => void = () => {};
  isRegistered = false;
  #servers: Server[] = [];
  readonly #loops = new Map<string, string>();

  constructor(options: CsiDriverOptions) {
    this.options = options;
  }

  get socketPath(): string {
    return join(this.options.rootDir, "plugins", this.options.name, "csi.sock");
  }

  get registrationPath(): string {
    return join(this.options.rootDir, "plugins_registry", `${this.options.name}-reg.sock`);
  }

  count(method: string): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  last(method: string): Call["request"] {
    return this.calls.findLast((call) => call.method === method)?.request;
  }

  fail(method: string, fault: Fault): void {
    this.faults.set(method, [...(this.faults.get(method) ?? []), fault]);
  }

  async start(): Promise<void> {
    const service = new Server();
    for (const name of ["Identity", "Controller", "Node"]) this.#serve(service, csi, name, this.#handlers());
    await listen(service, this.socketPath);
    const registrar = new Server();
    const { name } = this.options;
    this.#serve(registrar, registration, "Registration", {
      GetInfo: async () => ({
        type: "CSIPlugin",
        name,
        endpoint: this.socketPath,
        supportedVersions: ["1.0.0"],
      }),
      NotifyRegistrationStatus: async ({ pluginRegistered, error }) => {
        this.isRegistered = pluginRegistered;
        if (error !== "") this.registrationErrors.push(error);
        return {};
      },
    });
    await listen(registrar, this.registrationPath);
    this.#servers = [service, registrar];
  }

  /** As a crash: its sockets vanish, its mounts stay. */
  async stop(): Promise<void> {
    for (const server of this.#servers) server.forceShutdown();
    this.#servers = [];
    await rm(this.registrationPath, { force: true });
    await rm(this.socketPath, { force: true });
    this.isRegistered = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const device of this.#loops.values()) await run("losetup", ["-d", device]);
  }

  #serve(server: Server, schema: Schema, service: string, handlers: Readonly<Record<string, Handler>>): void {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const implementation: Record<string, (call: { request: object }, done: Done) => void> = {};
    for (const [name, handler] of Object.entries(handlers)) {
      let method: Method;
      try {
        method = schema.method(service, name);
      } catch {
        continue;
      }
      definition[name] = {
        path: method.path,
        requestStream: false,
        responseStream: false,
        requestSerialize: (message: object) => Buffer.from(encode(method.request, message)),
        requestDeserialize: (bytes: Buffer) => decode(method.request, bytes),
        responseSerialize: (message: object) => Buffer.from(encode(method.response, message)),
        responseDeserialize: (bytes: Buffer) => decode(method.response, bytes),
      };
      implementation[name] = ({ request }, done) =>
        void this.#answer(name, request, handler).then(
          (answer) => done(null, answer),
          (err: unknown) => done(err as Error),
        );
    }
    server.addService(definition, implementation);
  }

  async #answer(method: string, request: object, handler: Handler): Promise<object> {
    this.calls.push({ method, request });
    this.onChange();
    const fault = this.faults.get(method)?.shift();
    await fault?.until;
    if (fault?.code !== undefined)
      throw Object.assign(new Error(fault.message), { code: status[fault.code], details: fault.message });
    const answer = await handler(request as never);
    this.onChange();
    return answer;
  }

  #handlers(): Readonly<Record<string, Handler>> {
    const { name, topology = {}, maxVolumes = 0, dataDir } = this.options;
    return {
      GetPluginInfo: async () => ({ name, vendorVersion: "1" }),
      Probe: async () => ({ ready: true }),
      ...this.#controllerHandlers(),
      NodeGetInfo: async () => ({
        nodeId: `id-of-${name}`,
        maxVolumesPerNode: maxVolumes,
        accessibleTopology: { segments: topology },
      }),
      NodeGetCapabilities: async () => ({
        capabilities: (this.options.nodeCapabilities ?? NODE_CAPABILITIES).map((type) => ({ rpc: { type } })),
      }),
      NodeStageVolume: async ({ volumeId, stagingTargetPath, volumeCapability }) => {
        if (volumeCapability.block !== undefined) await this.#loop(volumeId);
        else await bind(join(dataDir, volumeId), stagingTargetPath, []);
        return {};
      },
      NodeUnstageVolume: async ({ volumeId, stagingTargetPath }) => {
        await unmount(stagingTargetPath);
        const device = this.#loops.get(volumeId);
        if (device !== undefined) await run("losetup", ["-d", device]);
        this.#loops.delete(volumeId);
        return {};
      },
      NodePublishVolume: async ({ volumeId, stagingTargetPath, targetPath, volumeCapability, readonly }) => {
        if (volumeCapability.block !== undefined) {
          await writeFile(targetPath, "");
          await run("mount", ["--bind", await this.#loop(volumeId), targetPath]);
          return {};
        }
        const source = stagingTargetPath === "" ? join(dataDir, volumeId) : stagingTargetPath;
        await mkdir(source, { recursive: true });
        await bind(source, targetPath, readonly ? ["ro"] : []);
        return {};
      },
      NodeUnpublishVolume: async ({ targetPath }) => {
        await unmount(targetPath);
        await rmdir(targetPath)
          .catch(() => unlink(targetPath))
          .catch(() => {});
        return {};
      },
      NodeExpandVolume: async ({ capacityRange }) => ({
        capacityBytes: capacityRange.requiredBytes,
      }),
      NodeGetVolumeStats: async ({ volumeId }) => {
        const total = this.sizes.get(volumeId) ?? GIB;
        return {
          usage: [
            { total, used: 4096, available: total - 4096, unit: "BYTES" },
            { total: 100, used: 1, available: 99, unit: "INODES" },
          ],
          volumeCondition: { abnormal: false, message: "fine" },
        };
      },
    };
  }

  #controllerHandlers(): Readonly<Record<string, Handler>> {
    const { dataDir } = this.options;
    return {
      CreateVolume: async ({ name, capacityRange }) => {
        const capacityBytes = capacityRange.requiredBytes;
        this.sizes.set(name, capacityBytes);
        await mkdir(join(dataDir, name), { recursive: true });
        return { volume: { volumeId: name, capacityBytes, volumeContext: { origin: "test" } } };
      },
      DeleteVolume: async ({ volumeId }) => {
        this.sizes.delete(volumeId);
        await rm(join(dataDir, volumeId), { recursive: true, force: true });
        return {};
      },
      ControllerPublishVolume: async ({ nodeId }) => ({ publishContext: { attachedTo: nodeId } }),
      ControllerUnpublishVolume: async () => ({}),
      ControllerExpandVolume: async ({ volumeId, capacityRange }) => {
        const capacityBytes = capacityRange.requiredBytes;
        this.sizes.set(volumeId, capacityBytes);
        return { capacityBytes, nodeExpansionRequired: true };
      },
    };
  }

  /** The volume's device; made when it is first needed. */
  async #loop(volumeId: string): Promise<string> {
    const known = this.#loops.get(volumeId);
    if (known !== undefined) return known;
    const file = join(this.options.dataDir, `${volumeId}.img`);
    await mkdir(this.options.dataDir, { recursive: true });
    await writeFile(file, Buffer.alloc(1 << 20));
    const { stdout } = await run("losetup", ["-f", "--show", file]);
    this.#loops.set(volumeId, stdout.trim());
    return stdout.trim();
  }
}

type Done = (err: Error | null, answer?: object) => void;

async function listen(server: Server, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`unix:${path}`, credentials, (err) => (err === null ? resolve() : reject(err)));
  });
}

async function isMounted(path: string): Promise<boolean> {
  return run("mountpoint", ["-q", path]).then(
    () => true,
    () => false,
  );
}

async function bind(source: string, target: string, options: readonly string[]): Promise<void> {
  await mkdir(target, { recursive: true });
  if (await isMounted(target)) return;
  await run("mount", ["-o", ["bind", ...options].join(","), source, target]);
}

async function unmount(path: string): Promise<void> {
  if (await isMounted(path)) await run("umount", [path]);
}
