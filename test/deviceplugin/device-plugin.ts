/** A device plugin for tests: announces what it is told to, and notes what kubelet asks. @module */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { systemClock } from "#apimachinery";
import { connect, decode, encode } from "#cri";
import {
  type ContainerAllocateResponse,
  devicePluginApi,
  type PluginDevice,
} from "../../src/kubelet/devicemanager/device-plugin-tables.ts";

export interface DevicePluginOptions {
  /** As `example.com/device`. */
  readonly resource: string;
  /** Kubelet's folder. */
  readonly rootDir: string;
  readonly preStartRequired?: boolean;
  /** What it prefers of the devices it is offered; absent: kubelet does not ask. */
  readonly prefer?: (available: readonly string[], size: number) => readonly string[];
  readonly respond: (ids: readonly string[]) => Partial<ContainerAllocateResponse>;
}

interface Call {
  readonly method: string;
  readonly ids: readonly string[];
}

interface Stream {
  write(message: object): void;
  on(event: "cancelled", listener: () => void): void;
}

export class DevicePlugin implements AsyncDisposable {
  readonly options: DevicePluginOptions;
  readonly calls: Call[] = [];
  #devices: readonly PluginDevice[];
  #server: Server | undefined;
  readonly #streams = new Set<Stream>();

  constructor(options: DevicePluginOptions, devices: readonly PluginDevice[]) {
    this.options = options;
    this.#devices = devices;
  }

  get socketName(): string {
    return `${this.options.resource.replace("/", "-")}.sock`;
  }

  set devices(devices: readonly PluginDevice[]) {
    this.#devices = devices;
    for (const stream of this.#streams) stream.write({ devices });
  }

  /** Listens, and registers with kubelet. */
  async start(version = "v1beta1"): Promise<void> {
    const dir = join(this.options.rootDir, "device-plugins");
    const server = new Server();
    server.addService(definition(), this.#implementation());
    await new Promise<void>((resolve, reject) => {
      const address = `unix:${join(dir, this.socketName)}`;
      server.bindAsync(address, ServerCredentials.createInsecure(), (err) =>
        err === null ? resolve() : reject(err),
      );
    });
    this.#server = server;
    const kubelet = connect(join(dir, "kubelet.sock"), systemClock, "kubelet");
    try {
      const request = { version, endpoint: this.socketName, resourceName: this.options.resource };
      const signal = AbortSignal.timeout(10_000);
      await kubelet.unary(devicePluginApi.method("Registration", "Register"), request, { signal });
    } finally {
      kubelet.close();
    }
  }

  /** As a crash. */
  async stop(): Promise<void> {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#streams.clear();
    await rm(join(this.options.rootDir, "device-plugins", this.socketName), { force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #implementation(): UntypedServiceImplementation {
    const { prefer, preStartRequired = false, respond } = this.options;
    const note = (method: string, ids: readonly string[]): void =>
      void this.calls.push({ method, ids: ids.toSorted() });
    const methods = {
      GetDevicePluginOptions: (_call: object, done: Done) =>
        done(null, { preStartRequired, getPreferredAllocationAvailable: prefer !== undefined }),
      ListAndWatch: (stream: Stream) => {
        this.#streams.add(stream);
        stream.on("cancelled", () => this.#streams.delete(stream));
        stream.write({ devices: this.#devices });
      },
      GetPreferredAllocation: ({ request }: Asked<PreferredRequest>, done: Done) => {
        const { availableDeviceIds, allocationSize } = request.containerRequests[0]!;
        note("GetPreferredAllocation", availableDeviceIds);
        const deviceIds = prefer?.(availableDeviceIds, allocationSize) ?? [];
        done(null, { containerResponses: [{ deviceIds }] });
      },
      Allocate: ({ request }: Asked<AllocateRequest>, done: Done) => {
        const { devicesIds } = request.containerRequests[0]!;
        note("Allocate", devicesIds);
        done(null, { containerResponses: [respond(devicesIds)] });
      },
      PreStartContainer: ({ request }: Asked<{ devicesIds: readonly string[] }>, done: Done) => {
        note("PreStartContainer", request.devicesIds);
        done(null, {});
      },
    };
    return methods;
  }
}

// oxlint-disable-next-line typescript/no-restricted-types -- as grpc-js has it
type Done = (err: null, answer: object) => void;
interface Asked<T> {
  readonly request: T;
}
interface PreferredRequest {
  readonly containerRequests: readonly {
    readonly availableDeviceIds: readonly string[];
    readonly allocationSize: number;
  }[];
}
interface AllocateRequest {
  readonly containerRequests: readonly { readonly devicesIds: readonly string[] }[];
}

function definition(): ServiceDefinition {
  const names = [
    "GetDevicePluginOptions",
    "ListAndWatch",
    "GetPreferredAllocation",
    "Allocate",
    "PreStartContainer",
  ];
  return Object.fromEntries(
    names.map((name) => {
      const { path, request, response } = devicePluginApi.method("DevicePlugin", name);
      const described = {
        path,
        requestStream: false,
        responseStream: name === "ListAndWatch",
        requestSerialize: (message: object) => Buffer.from(encode(request, message)),
        requestDeserialize: (bytes: Buffer) => decode(request, bytes),
        responseSerialize: (message: object) => Buffer.from(encode(response, message)),
        responseDeserialize: (bytes: Buffer) => decode(response, bytes),
      };
      return [name, described];
    }),
  );
}
