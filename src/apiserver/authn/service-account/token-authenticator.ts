/** Checks tokens that we issued ourselves: issuer, signature and audience; what they say is for a validator. @module */
import { quoted } from "../../quoted.ts";
import type { UserInfo } from "../../user-info.ts";
import { intersection, type TokenAnswer, type TokenAuthenticator } from "../token-authenticator.ts";
import { loadJose } from "./jose.ts";
import type { SigningKey } from "./signing-key.ts";

export type Payload = Readonly<Record<string, unknown>>;

/** What a validator makes of a token whose signature is good. */
export interface Validated {
  readonly user: UserInfo;
  readonly warnings?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Throws an Error that says why the token is not valid. */
export type Validator = (token: string, payload: Payload) => Promise<Validated>;

export interface IssuedTokenOptions {
  /** Those with private keys, and those whose tokens are still good. */
  readonly keys: readonly SigningKey[];
  readonly issuers: readonly string[];
  /** Of tokens that name no audience, and of questions that do not. */
  readonly apiAudiences: readonly string[];
  readonly validate: Validator;
}

/** Tokens of other issuers are for other authenticators. */
export function issuedTokens({
  keys,
  issuers,
  apiAudiences,
  validate,
}: IssuedTokenOptions): TokenAuthenticator {
  return {
    async authenticateToken(token, _signal, requested = apiAudiences): Promise<TokenAnswer | undefined> {
      // Whatever is no JWT needs no library to be told so.
      if (token.split(".", 4).length !== 3) return undefined;
      const { decodeJwt } = await loadJose();
      if (!issuers.includes(issuerOf(token, decodeJwt))) return undefined;
      const payload = await verify(token, keys);
      const own = audiencesOf(payload);
      const isLegacy = own.length === 0;
      const audiences = intersection(isLegacy ? apiAudiences : own, requested);
      if (audiences.length === 0) {
        const [is, should] = [isLegacy ? apiAudiences : own, requested].map(quoted);
        throw new Error(`token audiences ${is} is invalid for the target audiences ${should}`);
      }
      const { annotations, ...validated } = await validate(token, payload);
      return {
        ...validated,
        audiences,
        annotations: {
          ...(isLegacy && { "authentication.k8s.io/legacy-token": String(payload["sub"]) }),
          ...annotations,
        },
      };
    },
  };
}

/** Nothing is believed yet. */
function issuerOf(token: string, decodeJwt: (token: string) => { readonly iss?: string }): string {
  try {
    return decodeJwt(token).iss ?? "";
  } catch {
    return "";
  }
}

/** The algorithm is that of the key, never one that the token chooses. */
async function verify(token: string, keys: readonly SigningKey[]): Promise<Payload> {
  const { compactVerify, decodeProtectedHeader } = await loadJose();
  const { kid } = decodeProtectedHeader(token);
  const candidates = kid === undefined ? keys : keys.filter((key) => key.kid === kid);
  if (candidates.length === 0) throw new Error("invalid signature, no keys found");
  let failure: unknown;
  for (const { publicKey, alg } of candidates)
    try {
      const { payload } = await compactVerify(token, publicKey, { algorithms: [alg] });
      return JSON.parse(new TextDecoder().decode(payload)) as Payload;
    } catch (err) {
      failure = err;
    }
  throw new Error("invalid signature", { cause: failure });
}

function audiencesOf({ aud }: Payload): readonly string[] {
  return (Array.isArray(aud) ? (aud as readonly unknown[]) : [aud]).filter(
    (audience): audience is string => typeof audience === "string",
  );
}
