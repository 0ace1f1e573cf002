/** Fields of a KubeletConfiguration that are settings of the whole agent, and flags of it too. Pure. @module */
import { list, object, string, whole, bool } from "./field-values.ts";

/** By the names of the agent's flags; what the file does not say is absent. */
export interface AgentFields {
  kubeletAddress?: string;
  kubeletPort?: number;
  cgroupRoot?: string;
  clusterDns?: string;
  clusterDomain?: string;
  containerRuntimeEndpoint?: string;
  podLogsDir?: string;
  podManifestPath?: string;
  resolvConf?: string;
  rotateServerCertificates?: boolean;
  clientCaFile?: string;
  tlsCertFile?: string;
  tlsPrivateKeyFile?: string;
}

type Reader = (fields: AgentFields, value: unknown, name: string) => void;
type TextField = Exclude<keyof AgentFields, "kubeletPort" | "rotateServerCertificates">;

const SOCKET_SCHEME = "unix://";

/** "" says nothing, as upstream. */
function text(field: TextField): Reader {
  return (fields, value, name) => {
    const given = string(value, name);
    if (given !== "") fields[field] = given;
  };
}

export const AGENT_READERS: Readonly<Record<string, Reader>> = {
  address: text("kubeletAddress"),
  authentication: (fields, value, name) => {
    const { x509, webhook = {}, anonymous = {}, ...rest } = object(value, name);
    const { clientCAFile = "" } = object(x509 ?? {}, `${name}.x509`);
    const [other] = Object.keys(rest);
    if (other !== undefined) throw new Error(`unknown field ${JSON.stringify(`${name}.${other}`)}`);
    onlyTrue(object(webhook, `${name}.webhook`), `${name}.webhook`, ["cacheTTL", "2m0s"]);
    const { enabled = false } = object(anonymous, `${name}.anonymous`);
    if (enabled !== false) throw new Error(`${name}.anonymous.enabled must be false`);
    text("clientCaFile")(fields, clientCAFile, `${name}.x509.clientCAFile`);
  },
  authorization: (_fields, value, name) => {
    const { mode = "Webhook", webhook = {} } = object(value, name);
    if (mode !== "Webhook")
      throw new Error(`${name}.mode ${JSON.stringify(mode)} is not supported, only "Webhook"`);
    const times = [
      ["cacheAuthorizedTTL", "5m0s"],
      ["cacheUnauthorizedTTL", "30s"],
    ] as const;
    onlyTrue(object(webhook, `${name}.webhook`), `${name}.webhook`, ...times);
  },
  cgroupRoot: text("cgroupRoot"),
  clusterDNS: (fields, value, name) => {
    const servers = list(value, name).map((one) => string(one, name));
    if (servers.length > 0) fields.clusterDns = servers.join(",");
  },
  clusterDomain: text("clusterDomain"),
  containerRuntimeEndpoint: (fields, value, name) => {
    const endpoint = string(value, name);
    const path = endpoint.startsWith(SOCKET_SCHEME) ? endpoint.slice(SOCKET_SCHEME.length) : endpoint;
    text("containerRuntimeEndpoint")(fields, path, name);
  },
  podLogsDir: text("podLogsDir"),
  port: (fields, value, name) => {
    const port = whole(value, name);
    if (port < 0 || port > 65_535)
      throw new Error(`${name} (--port) ${port} must be between 1 and 65535, inclusive`);
    if (port !== 0) fields.kubeletPort = port;
  },
  // "" is no file, and not the default
  resolvConf: (fields, value, name) => (fields.resolvConf = string(value, name)),
  serverTLSBootstrap: (fields, value, name) => (fields.rotateServerCertificates = bool(value, name)),
  staticPodPath: text("podManifestPath"),
  tlsCertFile: text("tlsCertFile"),
  tlsPrivateKeyFile: text("tlsPrivateKeyFile"),
};

/** Callers are always asked about at the API server, and answers kept as long as by default. */
function onlyTrue(
  { enabled = true, ...times }: Readonly<Record<string, unknown>>,
  name: string,
  ...kept: readonly (readonly [field: string, duration: string])[]
): void {
  if (enabled !== true) throw new Error(`${name}.enabled must be true`);
  for (const [field, value] of Object.entries(times)) {
    const only = kept.find(([known]) => known === field)?.[1];
    if (only === undefined) throw new Error(`unknown field ${JSON.stringify(`${name}.${field}`)}`);
    if (value !== only && value !== "0s" && value !== 0)
      throw new Error(
        `${name}.${field} ${JSON.stringify(value)} is not supported by this kubelet, only "${only}"`,
      );
  }
}
