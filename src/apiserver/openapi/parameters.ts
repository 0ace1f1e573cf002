/** The parameters of operations, by what the operation does. @module */

export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path";
  readonly type: "string" | "boolean" | "integer";
  readonly description?: string;
}

type Type = Parameter["type"];

function query(parameters: Readonly<Record<string, Type>>): readonly Parameter[] {
  return Object.entries(parameters).map(([name, type]) => ({ name, in: "query", type }));
}

const PRETTY = query({ pretty: "string" });
const SELECTION = query({
  continue: "string",
  fieldSelector: "string",
  labelSelector: "string",
  limit: "integer",
  resourceVersion: "string",
  resourceVersionMatch: "string",
  sendInitialEvents: "boolean",
  timeoutSeconds: "integer",
});
const WRITE = query({ dryRun: "string", fieldManager: "string", fieldValidation: "string" });
const DELETE = query({
  dryRun: "string",
  gracePeriodSeconds: "integer",
  ignoreStoreReadErrorWithClusterBreakingPotential: "boolean",
  orphanDependents: "boolean",
  propagationPolicy: "string",
});
const LIST = [...PRETTY, ...SELECTION, ...query({ allowWatchBookmarks: "boolean", watch: "boolean" })];

/** By upstream's `x-kubernetes-action`. */
export const actionParameters: Readonly<Record<string, readonly Parameter[]>> = {
  get: PRETTY,
  list: LIST,
  watch: LIST,
  watchlist: LIST,
  post: [...PRETTY, ...WRITE],
  put: [...PRETTY, ...WRITE],
  patch: [...PRETTY, ...WRITE, ...query({ force: "boolean" })],
  delete: [...PRETTY, ...DELETE],
  deletecollection: [...PRETTY, ...SELECTION, ...DELETE],
};

const STREAMS = {
  container: "string",
  stderr: "boolean",
  stdin: "boolean",
  stdout: "boolean",
  tty: "boolean",
} as const;

/** Parameters of the subresources that take options in their query, by name. */
export const optionParameters: Readonly<Record<string, readonly Parameter[]>> = {
  attach: query(STREAMS),
  exec: query({ command: "string", ...STREAMS }),
  portforward: query({ ports: "integer" }),
  proxy: query({ path: "string" }),
  log: query({
    container: "string",
    follow: "boolean",
    insecureSkipTLSVerifyBackend: "boolean",
    limitBytes: "integer",
    pretty: "string",
    previous: "boolean",
    sinceSeconds: "integer",
    stream: "string",
    tailLines: "integer",
    timestamps: "boolean",
  }),
};

export function pathParameter(name: string, description: string): Parameter {
  return { name, in: "path", type: "string", description };
}
