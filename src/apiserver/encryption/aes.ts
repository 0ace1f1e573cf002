/** AES-GCM and AES-CBC as upstream stores them: the random nonce first, then what was encrypted. @module */
import { createCipheriv, createDecipheriv, randomBytes, type CipherGCMTypes } from "node:crypto";
import type { Transformer } from "./transformer.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const TOO_SHORT = "the stored data was shorter than the required size";

/** A key must not encrypt more than 2³² values (NIST SP 800-38D): rotate it long before. */
export function aesGcm(key: Buffer): Transformer {
  const algorithm = `aes-${key.length * 8}-gcm` as CipherGCMTypes;
  const options = { authTagLength: TAG_BYTES };
  return {
    fromStorage(stored, authenticatedData) {
      if (stored.length < NONCE_BYTES) throw new Error(TOO_SHORT);
      const end = stored.length - TAG_BYTES;
      if (end < NONCE_BYTES) throw new Error("cipher: message authentication failed");
      const decipher = createDecipheriv(algorithm, key, stored.subarray(0, NONCE_BYTES), options);
      decipher.setAAD(Buffer.from(authenticatedData));
      decipher.setAuthTag(stored.subarray(end));
      const plain = decipher.update(stored.subarray(NONCE_BYTES, end));
      try {
        decipher.final();
      } catch (cause) {
        throw new Error("cipher: message authentication failed", { cause });
      }
      return { value: plain, isStale: false };
    },
    toStorage(value, authenticatedData) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(algorithm, key, nonce, options);
      cipher.setAAD(Buffer.from(authenticatedData));
      return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
    },
  };
}

/** Hides, but does not authenticate: for reading what was written so, and for moving away from it. */
export function aesCbc(key: Buffer): Transformer {
  const algorithm = `aes-${key.length * 8}-cbc`;
  return {
    fromStorage(stored) {
      if (stored.length < BLOCK_BYTES) throw new Error(TOO_SHORT);
      if (stored.length % BLOCK_BYTES !== 0)
        throw new Error("the stored data is not a multiple of the block size");
      const decipher = createDecipheriv(algorithm, key, stored.subarray(0, BLOCK_BYTES));
      try {
        const value = Buffer.concat([decipher.update(stored.subarray(BLOCK_BYTES)), decipher.final()]);
        return { value, isStale: false };
      } catch (cause) {
        throw new Error("invalid padding on input", { cause });
      }
    },
    toStorage(value) {
      const iv = randomBytes(BLOCK_BYTES);
      const cipher = createCipheriv(algorithm, key, iv);
      return Buffer.concat([iv, cipher.update(value), cipher.final()]);
    },
  };
}
