/** The certificate that a client showed in the handshake, believed or not; upstream's `TLS.PeerCertificates`. @module */
import type { TLSSocket } from "node:tls";
import type { Credentials } from "../user-info.ts";

export type ClientCertificate = Pick<Credentials, "clientCertificate" | "clientCertificateError">;

const NONE: ClientCertificate = {};
const certificates = new WeakMap<TLSSocket, ClientCertificate>();

/** Empty when the client showed none; asked for once per connection. */
export function clientCertificateOf(socket: TLSSocket): ClientCertificate {
  let certificate = certificates.get(socket);
  if (certificate === undefined) {
    certificate = certificateOf(socket);
    certificates.set(socket, certificate);
  }
  return certificate;
}

function certificateOf(socket: TLSSocket): ClientCertificate {
  const { raw } = socket.getPeerCertificate() ?? {};
  if (!(raw instanceof Uint8Array)) return NONE;
  if (socket.authorized) return { clientCertificate: raw };
  return { clientCertificate: raw, clientCertificateError: String(socket.authorizationError) };
}
