/** Priority and fairness of a whole server over HTTPS: who floods it waits for others, and not the others for them. @module */
import assert from "node:assert/strict";
import { connect, constants, type ClientHttp2Session } from "node:http2";
import { after, before, suite, test } from "node:test";
import { systemClock, type KubeObject } from "#apimachinery";
import { createApiServer, type ApiServer, type ApiServerOptions, type Authenticator } from "#apiserver";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { openMemoryStore } from "#storage";

const LEVELS = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations";
const SCHEMAS = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
const TABLE = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
/** Of 10: what is left is the suggested levels'. */
const SEATS = 9;
const QUEUES = 4;
const QUEUE_LENGTH = 10;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Requests for `/slow` run until they are let go. */
interface Running {
  readonly user: string;
  readonly end: () => void;
}

interface Fixture extends AsyncDisposable {
  readonly server: ApiServer;
  readonly session: ClientHttp2Session;
  readonly send: (
    user: string,
    path: string,
    method?: string,
    body?: object,
    headers?: object,
  ) => Promise<Answer>;
  readonly running: Running[];
  /** Resolves when so many run. */
  readonly untilRunning: (count: number) => Promise<void>;
}

/** The token is the name; `admin` is a master. */
const byToken: Authenticator = {
  authenticate({ headers }) {
    const name = String(headers["authorization"] ?? "").replace("Bearer ", "");
    return Promise.resolve({
      name,
      groups: name === "admin" ? ["system:masters"] : ["testers", "system:authenticated"],
    });
  },
};

async function open(options: Partial<ApiServerOptions> = {}): Promise<Fixture> {
  const ca = await createCertificateAuthority("test", systemClock);
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(
    ca,
    { commonName: "kube-apiserver", ipAddresses: ["127.0.0.1"], usages: ["server"] },
    systemClock,
  );
  const running: Running[] = [];
  let wake: (() => void) | undefined;
  let isOver = false;
  const server = await createApiServer({
    store: await openMemoryStore(),
    tls: { cert, key },
    authenticator: byToken,
    authorizer: { authorize: () => ({ allowed: true }) },
    limits: { inFlightMax: 10, mutatingInFlightMax: 0 },
    routes: [
      {
        matches: (path) => path === "/slow",
        handle: async ({ user }) => {
          await new Promise<void>((end) => {
            if (isOver) end();
            running.push({ user: user.name, end });
            wake?.();
          });
          return { type: "bytes", status: 200, contentType: "text/plain", body: "done" };
        },
      },
    ],
    ...options,
  });
  const { port } = (await server.listen([{ host: "127.0.0.1", port: 0 }]))[0]!;
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  return {
    server,
    session,
    running,
    send: (user, path, method = "GET", body, headers) => ask(session, user, path, { method, body, headers }),
    async untilRunning(count) {
      while (running.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      for (const { end } of running) end();
      session.destroy();
      await server.close();
    },
  };
}

function ask(
  session: ClientHttp2Session,
  user: string,
  path: string,
  { method, body, headers }: { method: string; body: object | undefined; headers: object | undefined },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": method,
      ":path": path,
      authorization: `Bearer ${user}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    });
    let answered: Record<string, unknown> = {};
    let text = "";
    stream.setEncoding("utf8");
    stream.on("response", (got) => (answered = got));
    stream.on("data", (chunk: string) => (text += chunk));
    stream.on("error", reject);
    stream.on("end", () => resolve({ status: Number(answered[":status"]), headers: answered, text }));
    stream.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** A level that all seats belong to, and the slow requests of the testers in it. */
async function withLevel({ send }: Fixture): Promise<void> {
  const level = {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "PriorityLevelConfiguration",
    metadata: { name: "slow" },
    spec: {
      type: "Limited",
      limited: {
        nominalConcurrencyShares: 2_000,
        borrowingLimitPercent: 0,
        limitResponse: {
          type: "Queue",
          queuing: { queues: 64, handSize: QUEUES, queueLengthLimit: QUEUE_LENGTH },
        },
      },
    },
  };
  const schema = {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "FlowSchema",
    metadata: { name: "slow" },
    spec: {
      priorityLevelConfiguration: { name: "slow" },
      matchingPrecedence: 50,
      distinguisherMethod: { type: "ByUser" },
      rules: [
        {
          subjects: [{ kind: "Group", group: { name: "testers" } }],
          nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["/slow"] }],
        },
      ],
    },
  };
  const answers = [await send("admin", LEVELS, "POST", level), await send("admin", SCHEMAS, "POST", schema)];
  for (const { status, text } of answers) assert.equal(status, 201, text);
}

async function uidOf({ send }: Fixture, path: string): Promise<string> {
  return (JSON.parse((await send("admin", path)).text) as KubeObject).metadata.uid!;
}

async function metric({ send }: Fixture, series: string): Promise<number | undefined> {
  const { text } = await send("admin", "/metrics");
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** A test that fails leaves requests in the seats for which the next would wait. */
const TIMEOUT_MS = 60_000;

suite("priority and fairness", { timeout: TIMEOUT_MS }, () => {
  let fixture: Fixture;

  before(async () => {
    fixture = await open();
    await withLevel(fixture);
  });

  after(() => fixture[Symbol.asyncDispose]());

  test("a flood of one user takes its own queues and no turn of another user", async () => {
    const { send, running, untilRunning } = fixture;
    const isSettled: boolean[] = [];
    const sent = SEATS + QUEUES * QUEUE_LENGTH + 5;
    const flood = Array.from({ length: sent }, (_, i) =>
      send("flooder", "/slow").finally(() => (isSettled[i] = true)),
    );
    await untilRunning(SEATS);
    const refused = await Promise.race(flood);
    assert.equal(refused.status, 429, "the queues of its hand are full");
    assert.equal(refused.headers["retry-after"], "1");
    const { message, reason } = JSON.parse(refused.text) as { message: string; reason: string };
    assert.deepEqual([message, reason], ["Too many requests, please try again later.", "TooManyRequests"]);
    assert.equal(refused.headers["x-kubernetes-pf-flowschema-uid"], await uidOf(fixture, `${SCHEMAS}/slow`));
    assert.equal(
      refused.headers["x-kubernetes-pf-prioritylevel-uid"],
      await uidOf(fixture, `${LEVELS}/slow`),
    );

    const masters = await send("admin", "/api/v1/namespaces");
    assert.equal(masters.status, 200, "exempt requests wait for nobody");
    assert.equal((await send("flooder", "/healthz")).status, 200, "nor do probes");
    const labels = 'flow_schema="slow",priority_level="slow"';
    const name = "apiserver_flowcontrol";
    assert.equal(await metric(fixture, `${name}_current_inqueue_requests{${labels}}`), QUEUES * QUEUE_LENGTH);
    assert.equal(await metric(fixture, `${name}_current_executing_requests{${labels}}`), SEATS);
    assert.equal(await metric(fixture, `${name}_rejected_requests_total{${labels},reason="queue-full"}`), 5);

    const other = send("other", "/slow");
    const dump = await waitingOf(fixture, "other");
    assert.match(dump, /^slow, +slow, +\d+, +0, +other, /m);
    for (let ended = 0; running.every(({ user }) => user !== "other"); ended++) {
      // Those that ran when it came are charged for their time when they end: then it is its turn.
      // A queue that nothing ran from is served first, for as long as it waited already.
      assert.ok(ended < sent / 2, "its turn comes long before that of most of the flood");
      running[ended]!.end();
      await untilRunning(SEATS + ended + 1);
    }
    running.find(({ user }) => user === "other")!.end();
    assert.equal((await other).status, 200);
    assert.ok(isSettled.filter(Boolean).length < sent / 2 + 5, "most of the flood is not answered yet");

    for (let ended = 0; ended < sent - 5 + 1; ended++) {
      await untilRunning(ended + 1);
      running[ended]!.end();
    }
    const statuses = (await Promise.all(flood)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 200).length, sent - 5, "who waited was served");
  });

  test("a request waits for a quarter of its time, and no longer than its client", async () => {
    const { send, session, running, untilRunning } = fixture;
    running.length = 0;
    const holders = Array.from({ length: SEATS }, () => send("holder", "/slow"));
    await untilRunning(SEATS);
    const late = await send("late", "/slow?timeout=400ms");
    assert.equal(late.status, 429);
    const rejected = 'apiserver_flowcontrol_rejected_requests_total{flow_schema="slow",priority_level="slow"';
    assert.equal(await metric(fixture, `${rejected},reason="time-out"}`), 1);
    const leaver = session.request({ ":path": "/slow", authorization: "Bearer leaver" });
    await waitingOf(fixture, "leaver");
    leaver.close(constants.NGHTTP2_CANCEL);
    while ((await metric(fixture, `${rejected},reason="cancelled"}`)) !== 1);
    for (const { end } of running) end();
    await Promise.all(holders);
  });

  test("?timeout= shortens a request's time, and must be a duration", async () => {
    const { send, running } = fixture;
    running.length = 0;
    const expired = await send("alice", "/slow?timeout=150ms");
    assert.equal(expired.status, 504);
    const { message, reason } = JSON.parse(expired.text) as { message: string; reason: string };
    assert.equal(message, "Timeout: request did not complete within the allotted timeout");
    assert.equal(reason, "Timeout");
    running[0]!.end();
    const malformed = await send("alice", "/slow?timeout=soon");
    assert.equal(malformed.status, 400);
    assert.match(
      malformed.text,
      /invalid timeout specified in the request URL - time: invalid duration \\"soon\\"/,
    );
  });

  test("kubectl sees its columns, and schemas in the order of their precedence", async () => {
    const { send } = fixture;
    const list = JSON.parse((await send("admin", SCHEMAS, "GET", undefined, TABLE)).text) as Table;
    const names = list.rows.map(({ cells }) => cells[0]);
    assert.deepEqual(names.slice(0, 5), [
      "exempt",
      "probes",
      "slow",
      "system-leader-election",
      "system-node-high",
    ]);
    assert.equal(names.at(-1), "catch-all");
    const tables = await Promise.all(
      [`${SCHEMAS}/catch-all`, `${LEVELS}/workload-low`, `${LEVELS}/exempt`].map(
        async (path) => JSON.parse((await send("admin", path, "GET", undefined, TABLE)).text) as Table,
      ),
    );
    const shown = tables.map(({ columnDefinitions, rows }) =>
      Object.fromEntries(columnDefinitions.map(({ name }, i) => [name, rows[0]!.cells[i]])),
    );
    const [schema, low, exempt] = shown.map(({ Age: _age, ...columns }) => columns);
    assert.deepEqual(schema, {
      Name: "catch-all",
      PriorityLevel: "catch-all",
      MatchingPrecedence: 10_000,
      DistinguisherMethod: "ByUser",
      MissingPL: "False",
    });
    assert.deepEqual(low, {
      Name: "workload-low",
      Type: "Limited",
      NominalConcurrencyShares: 100,
      Queues: 128,
      HandSize: 6,
      QueueLengthLimit: 50,
    });
    assert.equal(exempt!["NominalConcurrencyShares"], "<none>");
  });

  test("the dumps tell of levels and queues", async () => {
    const { send } = fixture;
    const levels = await send("admin", "/debug/api_priority_and_fairness/dump_priority_levels");
    assert.match(levels.text, /^PriorityLevelName, +ActiveQueues, +IsIdle, +IsQuiescing, /);
    assert.match(levels.text, /^exempt, +0, +false, +false, +0, +1, +\d+, +0, +0, +0$/m);
    const queues = await send("admin", "/debug/api_priority_and_fairness/dump_queues");
    assert.match(queues.text, /^slow, +63, +0, +0, +0, +[\d.]+ss, +0, +0, +0\.00000000ss$/m);
  });
});

interface Table {
  readonly columnDefinitions: readonly { readonly name: string }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

/** The dump of all requests, once one of `user` waits. */
async function waitingOf({ send }: Fixture, user: string): Promise<string> {
  for (;;) {
    const { text } = await send("admin", "/debug/api_priority_and_fairness/dump_requests");
    if (text.includes(` ${user},`)) return text;
  }
}

test("a watch keeps its seat only while it begins", async () => {
  await using fixture = await open({ limits: {} });
  const { send, server } = fixture;
  const inFlight =
    'apiserver_flowcontrol_current_executing_requests{flow_schema="global-default",priority_level="global-default"}';
  const watches = Array.from({ length: 30 }, () =>
    send("alice", "/api/v1/namespaces?watch=true&resourceVersion=0&timeoutSeconds=60"),
  );
  const began =
    'apiserver_flowcontrol_request_execution_seconds_count{flow_schema="global-default",priority_level="global-default",type="watch"}';
  while ((await metric(fixture, began)) !== 30);
  assert.equal(await metric(fixture, inFlight), 0);
  await server.close();
  assert.ok((await Promise.all(watches)).every(({ status }) => status === 200));
});

test("without priority and fairness the limits refuse, and no header tells of flows", async () => {
  await using fixture = await open({
    priorityAndFairness: false,
    limits: { inFlightMax: 2, mutatingInFlightMax: 1 },
  });
  const { send, running, untilRunning } = fixture;
  const held = [send("alice", "/slow"), send("alice", "/slow")];
  await untilRunning(2);
  const refused = await send("bob", "/slow");
  assert.equal(refused.status, 429);
  assert.equal(refused.headers["x-kubernetes-pf-flowschema-uid"], undefined);
  for (const { end } of running) end();
  await Promise.all(held);
});
