/** How every server of a cluster speaks TLS: forward secrecy and authenticated ciphers, or not at all. @module */
import { constants } from "node:crypto";

const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

export interface ServerTls {
  readonly minVersion: "TLSv1.2";
  readonly ciphers: string;
  readonly secureOptions: number;
}

/**
 * For `createServer` and `setSecureContext`. No sessions are resumed: a ticket keeps what was believed of a client's
 * certificate when it was given, whatever has become of the authority since, and loses the chain that the client showed.
 */
export const SERVER_TLS: ServerTls = {
  minVersion: "TLSv1.2",
  ciphers: CIPHERS.join(":"),
  secureOptions: constants.SSL_OP_NO_TICKET,
};
