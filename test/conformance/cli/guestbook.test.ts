/** An application of three parts that find each other by Services: what is written through the front is kept behind it. */
import assert from "node:assert/strict";
import { Deployments } from "#api/apps/v1/deployment";
import { Pods } from "#api/core/v1/pod";
import { conformance, WEB_IMAGE, type ConformanceContext } from "../harness/index.ts";

const HEAD = `printf 'Content-type: text/plain\\r\\n\\r\\n'`;

/** The script answers GET /cgi-bin/entries; Services are found in the environment. */
function part(name: string, replicas: number, script: string): readonly object[] {
  const start = [
    "mkdir -p /srv/cgi-bin",
    `printf '%s' "$SCRIPT" >/srv/cgi-bin/entries`,
    "chmod +x /srv/cgi-bin/entries",
    "trap 'exit 0' TERM",
    "httpd -f -p 80 -h /srv & wait",
  ].join("\n");
  const labels = { app: name };
  const container = {
    name: "main",
    image: WEB_IMAGE,
    command: ["sh", "-c", start],
    env: [{ name: "SCRIPT", value: `#!/bin/sh\n${HEAD}\n${script}\n` }],
    ports: [{ containerPort: 80 }],
    readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 },
  };
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, labels },
      spec: { selector: labels, ports: [{ port: 80 }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, labels },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
  ];
}

const SET = '[ -z "$QUERY_STRING" ] || echo "${QUERY_STRING#entry=}"';
const PARTS: Readonly<Record<string, readonly object[]>> = {
  primary: part("primary", 1, `${SET} >>/tmp/entries\ncat /tmp/entries`),
  replica: part("replica", 2, "wget -qO- http://$PRIMARY_SERVICE_HOST/cgi-bin/entries"),
  frontend: part(
    "frontend",
    3,
    `case "$QUERY_STRING" in
      entry=*) wget -qO- "http://$PRIMARY_SERVICE_HOST/cgi-bin/entries?$QUERY_STRING" ;;
      *) wget -qO- http://$REPLICA_SERVICE_HOST/cgi-bin/entries ;;
    esac`,
  ),
};

async function kubectlWith(
  t: ConformanceContext,
  command: readonly string[],
  items: readonly object[],
): Promise<void> {
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const { code, stderr } = await t.tryKubectl([...command, "-f", "-"], { input });
  assert.equal(code, 0, stderr);
}

conformance(
  "[sig-cli] Kubectl client Guestbook application should create and stop a working application",
  { containers: true },
  async (t) => {
    // in this order, since a container learns in its environment of the Services that were there before it
    for (const [name, items] of Object.entries(PARTS)) {
      await kubectlWith(t, ["create"], items);
      await t.waitFor(Deployments, { namespace: t.namespace, name }, (now) => {
        const { replicas, availableReplicas } = now?.status ?? {};
        return replicas !== undefined && replicas === availableReplicas && replicas === now?.spec?.replicas;
      });
    }
    const book = async (query: string): Promise<string> => {
      const path = `/api/v1/namespaces/${t.namespace}/services/frontend/proxy/cgi-bin/entries${query}`;
      const { status, text } = await t.http({ path });
      assert.equal(status, 200, text);
      return text;
    };
    assert.equal(await book("?entry=first"), "first\n");
    assert.equal(await book("?entry=second"), "first\nsecond\n");
    // whichever of the pods answer
    for (let i = 0; i < 6; i++) assert.equal(await book(""), "first\nsecond\n");
    await kubectlWith(t, ["delete", "--grace-period=1"], Object.values(PARTS).flat());
    await t.untilList("no pod is left", Pods, (all) => all.length === 0);
    assert.equal(await t.kubectl("get", "deployments,services,pods", "-o", "name"), "");
  },
);
