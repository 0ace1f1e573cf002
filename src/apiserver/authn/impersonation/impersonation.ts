/** `kubectl --as`: acting as somebody else, where that is allowed; upstream's `WithConstrainedImpersonation`. @module */
import { StatusError } from "#apimachinery";
import { validateDomainPrefixedPath } from "#api/validation/references";
import { forbiddenError } from "../../authz/forbidden.ts";
import {
  anonymousUser,
  SYSTEM_AUTHENTICATED,
  SYSTEM_MASTERS,
  SYSTEM_UNAUTHENTICATED,
  type AuthorizationAttributes,
  type Authorizer,
  type Credentials,
  type UserInfo,
} from "../../user-info.ts";
import { MODES, nodeNameOf, serviceAccountOf, type Mode } from "./modes.ts";
import { wantedUser } from "./wanted-user.ts";

const AUTHENTICATION = "authentication.k8s.io";
const NODES = "system:nodes";
/** From so many values on, the right to all of them is asked for first. */
const MANY = 4;

/**
 * The user the request's Impersonate headers ask for, or its sender when there are none. Every part of it (user, groups,
 * uid, extra) must be allowed, in one of the modes as a whole; the refusal is that of the first. Throws Forbidden, and
 * BadRequest for headers that name no user. `request`: what the sender asks for, with the sender as its user. `onConstrained`
 * is told the verb that allowed it, when it was not the old `impersonate`.
 */
export async function impersonate(
  credentials: Credentials,
  request: AuthorizationAttributes,
  authorizer: Authorizer,
  onConstrained?: (verb: string) => void,
): Promise<UserInfo> {
  const requestor = request.user;
  const wanted = wantedUser(credentials);
  if (wanted === undefined) return requestor;
  let refusal: unknown;
  for (const mode of MODES) {
    if (!mode.isFor(wanted, requestor)) continue;
    try {
      const user = await new Attempt(mode, wanted, request, authorizer).run();
      if (mode.name !== "") onConstrained?.(`impersonate:${mode.name}`);
      return user;
    } catch (err) {
      if (!(err instanceof StatusError)) throw err;
      refusal ??= err;
    }
  }
  throw refusal;
}

class Attempt {
  readonly #mode: Mode;
  readonly #wanted: UserInfo;
  readonly #request: AuthorizationAttributes;
  readonly #authorizer: Authorizer;
  readonly #isConstrained: boolean;

  constructor(mode: Mode, wanted: UserInfo, request: AuthorizationAttributes, authorizer: Authorizer) {
    this.#mode = mode;
    this.#wanted = wanted;
    this.#request = request;
    this.#authorizer = authorizer;
    this.#isConstrained = mode.name !== "";
  }

  async run(): Promise<UserInfo> {
    const { name } = this.#mode;
    if (this.#isConstrained) {
      const verb = `impersonate-on:${name}:${this.#request.verb}`;
      await this.#check({ ...this.#request, verb });
    }
    await this.#checkName();
    const { uid = "" } = this.#wanted;
    if (uid !== "") await this.#check(this.#asked(AUTHENTICATION, "uids", uid));
    await this.#checkGroups();
    await this.#checkExtra();
    return { ...this.#wanted, groups: this.#groups() };
  }

  async #checkName(): Promise<void> {
    const { name } = this.#wanted;
    const group = this.#isConstrained ? AUTHENTICATION : "";
    const account = serviceAccountOf(name);
    const node = this.#isConstrained ? nodeNameOf(name) : undefined;
    if (account !== undefined) {
      const { namespace } = account;
      await this.#check({ ...this.#asked(group, "serviceaccounts", account.name), namespace });
    } else if (node !== undefined) await this.#check(this.#asked(group, "nodes", node));
    else await this.#check(this.#asked(group, "users", name));
  }

  async #checkGroups(): Promise<void> {
    const { groups } = this.#wanted;
    if (groups.length === 0) return;
    const asked = (name: string): AuthorizationAttributes =>
      this.#asked(this.#isConstrained ? AUTHENTICATION : "", "groups", name);
    if (this.#isConstrained) {
      if (groups.includes("")) refuse(asked(""), "impersonating the empty string group is not allowed");
      if (groups.includes(SYSTEM_MASTERS))
        refuse(asked(SYSTEM_MASTERS), "impersonating the system:masters group is not allowed");
      if (groups.length >= MANY && (await this.#isAllowed(asked("*")))) return;
    }
    for (const group of groups) await this.#check(asked(group));
  }

  async #checkExtra(): Promise<void> {
    const entries = Object.entries(this.#wanted.extra ?? {});
    if (entries.length === 0) return;
    const asked = (subresource: string, name: string): AuthorizationAttributes => ({
      ...this.#asked(AUTHENTICATION, "userextras", name),
      subresource,
    });
    if (this.#isConstrained) {
      const problem = entries.map(([key, values]) => extraProblem(key, values)).find((p) => p !== undefined);
      if (problem !== undefined) refuse(asked("", ""), problem);
      const count = entries.reduce((sum, [, values]) => sum + values.length, 0);
      if (Math.max(entries.length, count) >= MANY && (await this.#isAllowed(asked("*", "*")))) return;
    }
    for (const [key, values] of entries) for (const value of values) await this.#check(asked(key, value));
  }

  /** Groups that are asked for stand; who asks for none gets those that follow from the name. */
  #groups(): readonly string[] {
    const { name, groups } = this.#wanted;
    const own = groups.length > 0 ? groups : this.#fixedGroups(name);
    if (name === anonymousUser.name) return withGroup(own, SYSTEM_UNAUTHENTICATED);
    return own.includes(SYSTEM_UNAUTHENTICATED) ? own : withGroup(own, SYSTEM_AUTHENTICATED);
  }

  #fixedGroups(name: string): readonly string[] {
    const account = serviceAccountOf(name);
    if (account !== undefined)
      return ["system:serviceaccounts", `system:serviceaccounts:${account.namespace}`];
    return this.#isConstrained && nodeNameOf(name) !== undefined ? [NODES] : [];
  }

  #asked(group: string, resource: string, name: string): AuthorizationAttributes {
    const verb = this.#isConstrained ? `impersonate:${this.#mode.name}` : "impersonate";
    const { user } = this.#request;
    const where = { isResourceRequest: true, path: "", version: "v1", subresource: "", namespace: "" };
    return { user, verb, group, resource, name, ...where };
  }

  async #check(attributes: AuthorizationAttributes): Promise<void> {
    const asked = this.#mode.adapt?.(attributes) ?? attributes;
    // Members of system:masters are not asked about: the server's authorizers need not know them.
    if (this.#request.user.groups.includes(SYSTEM_MASTERS)) return;
    const decision = await this.#authorizer.authorize(asked);
    if (!decision.allowed) throw forbiddenError(asked, decision);
  }

  async #isAllowed(attributes: AuthorizationAttributes): Promise<boolean> {
    return this.#check(attributes).then(
      () => true,
      (err: unknown) => {
        if (err instanceof StatusError) return false;
        throw err;
      },
    );
  }
}

function refuse(attributes: AuthorizationAttributes, reason: string): never {
  throw forbiddenError(attributes, { allowed: false, reason });
}

function extraProblem(key: string, values: readonly string[]): string | undefined {
  if (key === "") return "impersonating the empty string key in extra is not allowed";
  const [cause] = validateDomainPrefixedPath(key, "extra.key");
  if (cause !== undefined)
    return `impersonating an invalid key in extra is not allowed: ${cause.field}: ${cause.message}`;
  if (key !== key.toLowerCase())
    return `impersonating a non-lowercase key in extra is not allowed: ${JSON.stringify(key)}`;
  if (values.length === 0) return "impersonating empty values in extra is not allowed";
  return values.includes("") ? "impersonating the empty string value in extra is not allowed" : undefined;
}

function withGroup(groups: readonly string[], group: string): readonly string[] {
  return groups.includes(group) ? groups : [...groups, group];
}
