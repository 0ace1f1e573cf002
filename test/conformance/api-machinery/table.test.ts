/** Tables: the server prints what it stores; what is no object with metadata has no table. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import { conformance, newPod, type HttpAnswer } from "../harness/index.ts";

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";

interface Table {
  readonly kind: string;
  readonly apiVersion: string;
  readonly columnDefinitions: readonly { readonly name: string }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

conformance(
  "[sig-api-machinery] Servers with support for Table transformation should return a 406 for a backend which does not implement metadata",
  async (t) => {
    const review = (accept: string): Promise<HttpAnswer> => {
      const resourceAttributes = { namespace: t.namespace, verb: "get", resource: "pods" };
      return t.http({
        method: "POST",
        path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        headers: { accept, "content-type": "application/json" },
        body: JSON.stringify({
          apiVersion: "authorization.k8s.io/v1",
          kind: "SelfSubjectAccessReview",
          spec: { resourceAttributes },
        }),
      });
    };
    const refused = await review(TABLE);
    assert.equal(refused.status, 406, refused.text);
    assert.equal((refused.json() as { readonly reason: string }).reason, "NotAcceptable");
    // who can do with less gets it
    const plain = await review(`${TABLE},application/json`);
    assert.equal(plain.status, 201, plain.text);
    assert.equal((plain.json() as { readonly kind: string }).kind, "SelfSubjectAccessReview");
    // and what has metadata has a table
    await t.client.create(Pods, newPod(t, "shown"), t.signal);
    const shown = await t.http({
      path: `/api/v1/namespaces/${t.namespace}/pods`,
      headers: { accept: TABLE },
    });
    assert.equal(shown.status, 200, shown.text);
    const table = shown.json() as Table;
    assert.deepEqual([table.kind, table.apiVersion], ["Table", "meta.k8s.io/v1"]);
    const name = table.columnDefinitions.findIndex((column) => column.name === "Name");
    assert.deepEqual(
      table.rows.map(({ cells }) => cells[name]),
      ["shown"],
    );
  },
);
