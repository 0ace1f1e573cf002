/** Commands and logs of a container over WebSockets, as browsers ask for them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { WebSocket } from "ws";
import { Pods } from "#api/core/v1/pod";
import { clientConfigOf, parseKubeconfig } from "#client/node";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { createPod, idle, sh, untilEnded, untilReady } from "./running-pods.ts";

const containers = { containers: true } as const;

interface Heard {
  /** The one the server has chosen. */
  readonly protocol: string;
  readonly messages: readonly Buffer[];
}

/** Everything up to the end of the connection. */
async function hear(t: ContainersContext, path: string, protocols: readonly string[]): Promise<Heard> {
  const text = await readFile(t.kubeconfigPath, "utf8");
  const config = clientConfigOf(await parseKubeconfig(text, t.kubeconfigPath), {});
  const { cert, key } = config.clientCertificate!;
  const [ca, certificate, privateKey] = [config.ca!, cert, key].map((pem) => Buffer.from(pem as Uint8Array));
  const url = `${config.server.replace(/^http/, "ws")}/api/v1/namespaces/${t.namespace}/pods/${path}`;
  const tls = { ca: ca!, cert: certificate!, key: privateKey! };
  const socket = new WebSocket(url, [...protocols], tls);
  t.cleanup(async () => socket.terminate());
  const messages: Buffer[] = [];
  socket.on("message", (data: Buffer) => messages.push(data));
  await once(socket, "close");
  return { protocol: socket.protocol, messages };
}

function textOf({ messages }: Heard): string {
  return Buffer.concat(messages).toString();
}

function channel({ messages }: Heard, number: number): string {
  return messages
    .filter((message) => message[0] === number)
    .map((message) => message.toString("utf8", 1))
    .join("");
}

conformance(
  "[sig-node] Pods should support remote command execution over websockets [NodeConformance]",
  containers,
  async (t) => {
    await createPod(t, "p", { containers: [idle("main")] });
    await untilReady(t, "p");
    const exec = (script: string, protocol: string): Promise<Heard> => {
      const command = ["sh", "-c", script].map((word) => `command=${encodeURIComponent(word)}`).join("&");
      return hear(t, `p/exec?container=main&stdout=1&stderr=1&${command}`, [protocol]);
    };
    const script = "echo remote execution test; echo of standard error >&2; exit 3";
    const heard = await exec(script, "v4.channel.k8s.io");
    assert.equal(heard.protocol, "v4.channel.k8s.io");
    assert.equal(channel(heard, 1), "remote execution test\n");
    assert.equal(channel(heard, 2), "of standard error\n");
    const { status, details } = JSON.parse(channel(heard, 3)) as {
      readonly status: string;
      readonly details: { readonly causes: readonly object[] };
    };
    assert.equal(status, "Failure");
    assert.deepEqual(details.causes, [{ reason: "ExitCode", message: "3" }]);
    const oldest = await exec("hostname", "channel.k8s.io");
    assert.equal(oldest.protocol, "channel.k8s.io");
    assert.equal(channel(oldest, 1), "p\n");
    const newest = await exec("true", "v5.channel.k8s.io");
    assert.equal((JSON.parse(channel(newest, 3)) as { readonly status: string }).status, "Success");
  },
);

conformance(
  "[sig-node] Pods should support retrieving logs from the container over websockets [NodeConformance]",
  containers,
  async (t) => {
    const script = "echo container is alive; sleep 1; echo and goes on";
    await createPod(t, "p", { restartPolicy: "Never", containers: [sh("main", script)] });
    const whole = "container is alive\nand goes on\n";
    await t.waitFor(Pods, { namespace: t.namespace, name: "p" }, (now) => now?.status?.phase === "Running");
    const followed = await hear(t, "p/log?container=main&follow=true", ["binary.k8s.io"]);
    assert.equal(followed.protocol, "binary.k8s.io");
    assert.equal(textOf(followed), whole);
    await untilEnded(t, "p", "Succeeded");
    assert.equal(textOf(await hear(t, "p/log?container=main", [])), whole, "without a protocol");
    const encoded = await hear(t, "p/log?container=main&tailLines=1", ["base64.binary.k8s.io"]);
    const decoded = encoded.messages.map((message) => Buffer.from(message.toString(), "base64").toString());
    assert.equal(decoded.join(""), "and goes on\n");
  },
);
