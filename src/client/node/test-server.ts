/** A scripted HTTPS server with its own authority, for tests of the transport. @module */
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { systemClock } from "#apimachinery";
// oxlint-disable-next-line import/no-unassigned-import -- it must run before the library is loaded
import "reflect-metadata/lite";
import * as x509 from "@peculiar/x509";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: () => number;
  /** Breaks every open connection. */
  dropConnections(): void;
}

export interface KeyPairPem {
  readonly cert: string;
  readonly key: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

export interface TestAuthority {
  readonly ca: string;
  issue(name: string): Promise<KeyPairPem>;
}

export async function newTestAuthority(): Promise<TestAuthority> {
  x509.cryptoProvider.set(crypto);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const validity = {
    notBefore: new Date(systemClock.now() - DAY_MS),
    notAfter: new Date(systemClock.now() + DAY_MS),
  };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=test-ca",
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    ca: root.toString("pem"),
    async issue(name) {
      const own = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
      const cert = await x509.X509CertificateGenerator.create({
        subject: `CN=${name}`,
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...validity,
        extensions: [
          new x509.SubjectAlternativeNameExtension([
            { type: "ip", value: "127.0.0.1" },
            { type: "dns", value: name },
          ]),
        ],
      });
      const der = await crypto.subtle.exportKey("pkcs8", own.privateKey);
      return { cert: cert.toString("pem"), key: x509.PemConverter.encode(der, "PRIVATE KEY") };
    },
  };
}

/** Serves on a free port of the loopback. `http1` speaks nothing newer. */
export async function startTestServer(
  authority: TestAuthority,
  handler: Handler,
  { http1 = false, port = 0 }: { readonly http1?: boolean; readonly port?: number } = {},
): Promise<TestServer> {
  const tls = {
    ...(await authority.issue("server")),
    ca: authority.ca,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const listener = handler as (request: unknown, response: unknown) => void;
  const server: Server | Http2SecureServer = http1
    ? createServer(tls, listener)
    : createSecureServer(tls, listener);
  const sockets = new Set<Socket>();
  let count = 0;
  server.on("secureConnection", (socket: Socket) => {
    count++;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  const dropConnections = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    url: `https://127.0.0.1:${address.port}`,
    port: address.port,
    connections: () => count,
    dropConnections,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      dropConnections();
      await closed;
    },
  };
}
