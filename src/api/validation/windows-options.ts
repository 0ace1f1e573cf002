/** Windows options of security contexts. @module */
import { byteLength, field, isDns1123Subdomain } from "#apimachinery";
import type { WindowsSecurityContextOptions } from "../core/v1/types.gen.ts";
import { all, NONE, obeys, type Causes } from "./common.ts";

const CREDENTIAL_KIB_MAX = 64;
const DOMAIN_LENGTH_MAX = 256;
const USER_LENGTH_MAX = 104;
// oxlint-disable-next-line no-control-regex -- control characters are what it finds
const CONTROL = /[\u0000-\u001f\u007f]/;
const NETBIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS =
  /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
const USER_FORBIDDEN = /["/\\:;|=,+*?<>@[\]]/;
const DOTS_OR_SPACES = /^[. ]+$/;

export function validateWindowsOptions(
  options: WindowsSecurityContextOptions | undefined,
  path: string,
): Causes {
  if (options === undefined) return NONE;
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options;
  const specPath = field.child(path, "gmsaCredentialSpec");
  return all(
    name === undefined ? NONE : obeys(isDns1123Subdomain, name, field.child(path, "gmsaCredentialSpecName")),
    spec === "" ? [field.invalid(specPath, spec, "gmsaCredentialSpec cannot be an empty string")] : NONE,
    spec !== undefined && byteLength(spec) > CREDENTIAL_KIB_MAX * 1024
      ? [field.invalid(specPath, spec, `gmsaCredentialSpec size must be under ${CREDENTIAL_KIB_MAX} KiB`)]
      : NONE,
    user === undefined
      ? NONE
      : userProblems(user).map((problem) =>
          field.invalid(field.child(path, "runAsUserName"), user, `runAsUserName${problem}`),
        ),
  );
}

/** `DOMAIN\user`, the domain optional. */
function userProblems(name: string): readonly string[] {
  if (name === "") return [" cannot be an empty string"];
  if (CONTROL.test(name)) return [" cannot contain control characters"];
  const parts = name.split("\\");
  if (parts.length > 2) return [" cannot contain more than one backslash"];
  const domain = parts.length === 2 ? parts[0] : undefined;
  const user = parts.at(-1)!;
  const isDomain = domain === undefined || NETBIOS.test(domain) || DNS.test(domain);
  return [
    ...(byteLength(domain ?? "") >= DOMAIN_LENGTH_MAX
      ? [`'s Domain length must be under ${DOMAIN_LENGTH_MAX} characters`]
      : []),
    ...(isDomain ? [] : ["'s Domain doesn't match the NetBios nor the DNS format"]),
    ...(user === "" ? ["'s User cannot be empty"] : []),
    ...(byteLength(user) > USER_LENGTH_MAX
      ? [`'s User length must not be longer than ${USER_LENGTH_MAX} characters`]
      : []),
    ...(DOTS_OR_SPACES.test(user) ? ["'s User cannot contain only periods or spaces"] : []),
    ...(USER_FORBIDDEN.test(user)
      ? [`'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]`]
      : []),
  ];
}
