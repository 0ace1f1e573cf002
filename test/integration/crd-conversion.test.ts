/** A conversion webhook between two versions of a custom resource. @module */
import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import { newTestAuthority } from "../../src/client/node/test-server.ts";
import { definition, refused, start, WAIT_MS, type Fields } from "./crd-fixture.ts";

const authority = await newTestAuthority();
const V1 = "/apis/stable.example.com/v1/namespaces/default/crontabs";
const V2 = V1.replace("/v1/", "/v2/");

/** `hostPort` of v1 is `host` and `port` of v2. */
function convert(object: Fields, apiVersion: string): Fields {
  const { spec } = object;
  const [host, port] = String(spec.hostPort ?? "").split(":");
  const changed = apiVersion.endsWith("v2") ? { host, port } : { hostPort: `${spec.host}:${spec.port}` };
  return { ...object, apiVersion, spec: changed };
}

test("conversion webhooks make the versions of custom resources out of each other", async () => {
  const tls = await authority.issue("localhost");
  const mode = { fails: false };
  const webhook = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const review = JSON.parse(Buffer.concat(chunks).toString()) as Fields;
      const { uid, desiredAPIVersion, objects } = review["request"];
      const answer = mode.fails
        ? { uid, result: { status: "Failure", message: "not today" } }
        : {
            uid,
            result: { status: "Success" },
            convertedObjects: objects.map((o: Fields) => convert(o, desiredAPIVersion)),
          };
      response.end(JSON.stringify({ ...review, response: answer }));
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, "127.0.0.1", resolve));
  const { port } = webhook.address() as AddressInfo;
  await using server = await start();
  try {
    const text = { type: "string" };
    const version = (name: string, storage: boolean, names: readonly string[]): object => ({
      name,
      served: true,
      storage,
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: {
            spec: { type: "object", properties: Object.fromEntries(names.map((field) => [field, text])) },
          },
        },
      },
    });
    const caBundle = Buffer.from(authority.ca).toString("base64");
    const clientConfig = { url: `https://localhost:${port}/convert`, caBundle };
    await server.install(
      definition(
        {},
        {
          versions: [version("v1", true, ["hostPort"]), version("v2", false, ["host", "port"])],
          conversion: { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } },
        },
      ),
    );
    const object = { kind: "CronTab", metadata: { name: "a" } };
    await server.send("POST", V1, {
      ...object,
      apiVersion: "stable.example.com/v1",
      spec: { hostPort: "h:1" },
    });
    assert.deepEqual((await server.send("GET", `${V2}/a`))["spec"], { host: "h", port: "1" });
    const second = {
      apiVersion: "stable.example.com/v2",
      kind: "CronTab",
      metadata: { name: "b" },
      spec: { host: "i", port: "2" },
    };
    const made = await server.send("POST", V2, second);
    assert.deepEqual([made["apiVersion"], made["spec"]], ["stable.example.com/v2", { host: "i", port: "2" }]);
    assert.deepEqual((await server.send("GET", `${V1}/b`))["spec"], { hostPort: "i:2" });
    const patched = await server.send(
      "PATCH",
      `${V2}/b`,
      { spec: { port: "3" } },
      "application/merge-patch+json",
    );
    assert.deepEqual(patched["spec"], { host: "i", port: "3" });
    const list = await server.send("GET", V2);
    assert.deepEqual(
      list["items"].map(({ spec }: Fields) => spec),
      [
        { host: "h", port: "1" },
        { host: "i", port: "3" },
      ],
    );
    const seen: unknown[] = [];
    const signal = AbortSignal.timeout(WAIT_MS);
    const events = server.transport.watch({ method: "GET", path: V2, query: { watch: true } }, signal);
    for await (const { type, object: shown } of events) {
      seen.push([type, (shown as KubeObject & Fields)["spec"]]);
      if (seen.length === 2)
        void server.send("PATCH", `${V1}/a`, { spec: { hostPort: "h:9" } }, "application/merge-patch+json");
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, [
      ["ADDED", { host: "h", port: "1" }],
      ["ADDED", { host: "i", port: "3" }],
      ["MODIFIED", { host: "h", port: "9" }],
    ]);
    mode.fails = true;
    await server.send("PATCH", `${V1}/a`, { spec: { hostPort: "j:4" } }, "application/merge-patch+json");
    assert.deepEqual(await refused(server.send("GET", `${V2}/a`)), [
      500,
      "conversion webhook for stable.example.com/v1, Kind=CronTab failed: not today",
    ]);
    assert.equal((await server.send("GET", `${V1}/a`))["spec"].hostPort, "j:4");
  } finally {
    webhook.closeAllConnections();
    webhook.close();
  }
});
