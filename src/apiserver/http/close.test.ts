import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { FakeClock } from "#apimachinery";
import { startHttps } from "../https-fixture.ts";

test("close() tells a client whose connection was just accepted that nothing will be done, before it cuts it", async () => {
  // no time passes: nobody is cut off because the machine is slow
  const { server, port, ca, send } = await startHttps({ clock: new FakeClock() });
  const socket = connectTcp(port, "127.0.0.1");
  await once(socket, "connect");
  await send("/livez"); // by then the server has accepted the connection before
  const order: string[] = [];
  const closed = server.close().then(() => order.push("closed"));
  const session = connectHttp2("https://127.0.0.1", {
    createConnection: () => connectTls({ socket, ca, servername: "kube-apiserver", ALPNProtocols: ["h2"] }),
  });
  session.on("goaway", () => order.push("goaway"));
  session.on("error", (err) => order.push(err.message));
  await closed;
  assert.deepEqual(order, ["goaway", "closed"]);
});
