/** The certificate that a client showed in the handshake, believed or not; upstream's `TLS.PeerCertificates`. @module */
import type { TLSSocket } from "node:tls";
import type { Credentials } from "../user-info.ts";

export type ClientCertificate = Pick<
  Credentials,
  "clientCertificate" | "clientIntermediates" | "clientCertificateError"
>;

/** Beyond these nothing is looked at. */
const INTERMEDIATES_MAX = 10;

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
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) return NONE;
  const clientIntermediates: Uint8Array[] = [];
  let { issuerCertificate: next } = leaf;
  for (; next !== undefined && clientIntermediates.length < INTERMEDIATES_MAX; next = next.issuerCertificate)
    clientIntermediates.push(next.raw);
  return {
    clientCertificate: leaf.raw,
    ...(clientIntermediates.length > 0 && { clientIntermediates }),
    ...(!socket.authorized && { clientCertificateError: String(socket.authorizationError) }),
  };
}
