/** How every server of a cluster speaks TLS: forward secrecy and authenticated ciphers, or not at all. @module */

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

/** For `createServer` and `setSecureContext`. */
export const SERVER_TLS: { readonly minVersion: "TLSv1.2"; readonly ciphers: string } = {
  minVersion: "TLSv1.2",
  ciphers: CIPHERS.join(":"),
};
