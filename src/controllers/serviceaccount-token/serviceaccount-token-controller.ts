/** Fills Secrets that ask for a ServiceAccount's token, and removes them with their account; upstream's tokens controller. @module */
import { isConflict, isNotFound, type Kind } from "#apimachinery";
import { Secrets } from "#api/core/v1/secret";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Secret, ServiceAccount } from "#api/core/v1/types.gen";
import type { Client, Lister } from "#client";
import type { Live } from "#component-base";
import { source, type Controller, type ControllerContext } from "#controller-runtime";
import { followRootCA, liveRootCA, type RootCA } from "../root-ca.ts";
import { unlessGone } from "../unless-gone.ts";
import { ACCOUNT_NAME, encode, plan, TOKEN_TYPE, withoutReference } from "./plan.ts";

export interface TokenControllerOptions {
  readonly rootCA?: RootCA;
  /** Signs with the cluster's key. */
  readonly signToken: (account: ServiceAccount, secret: Secret) => Promise<string>;
}

/** Safe on a stale cache: writes carry the resourceVersion they were decided on, and accounts are looked for twice. */
export function serviceAccountTokenController(
  { client, informers }: ControllerContext,
  { rootCA, signToken }: TokenControllerOptions,
): Controller {
  const live = rootCA === undefined ? undefined : liveRootCA(rootCA);
  const secrets = informers.lister(Secrets);
  const accounts = informers.lister(ServiceAccounts);
  /** Of Secrets that are gone: the account that may still name them. Emptied by their reconcile. */
  const orphans = new Map<string, string>();
  const forget = async (key: string, signal: AbortSignal): Promise<void> => {
    const accountName = orphans.get(key);
    if (accountName === undefined) return;
    const [namespace = "", name = ""] = key.split("/");
    const account = accounts.get(`${namespace}/${accountName}`);
    const changed = account && withoutReference(account, name);
    if (changed !== undefined) await unlessGone(client.update(ServiceAccounts, changed, signal));
    orphans.delete(key);
  };
  return {
    name: "serviceaccount-token-controller",
    reconciles: Secrets as Kind,
    watches: [
      source(Secrets, ({ type, metadata }, _old, change) => {
        const account = metadata.annotations?.[ACCOUNT_NAME];
        if (change !== "delete" || type !== TOKEN_TYPE || account === undefined) return [];
        const key = `${metadata.namespace}/${metadata.name}`;
        orphans.set(key, account);
        return [key];
      }),
      source(ServiceAccounts, ({ metadata }, _old, change) =>
        change === "update"
          ? []
          : secrets
              .list(metadata.namespace)
              .filter((secret) => secret.metadata.annotations?.[ACCOUNT_NAME] === metadata.name)
              .map((secret) => `${secret.metadata.namespace}/${secret.metadata.name}`),
      ),
    ],
    ...(live !== undefined && { background: followAuthority(live, secrets) }),
    async reconcile(key, signal) {
      const secret = secrets.get(key);
      if (secret === undefined) {
        await forget(key, signal);
        return {};
      }
      orphans.delete(key);
      if (secret.type !== TOKEN_TYPE || secret.metadata.deletionTimestamp !== undefined) return {};
      if ((secret.metadata.annotations?.[ACCOUNT_NAME] ?? "") === "") return {};
      const account = await findAccount(secret, accounts, client, signal);
      const action = plan(secret, account, live?.current);
      if (action.type === "delete") {
        const { uid } = secret.metadata;
        const options = uid === undefined ? {} : { preconditions: { uid } };
        await unlessMoved(client.delete(Secrets, secret.metadata, signal, options));
      }
      if (action.type === "fill") {
        const token = action.needsToken ? { token: encode(await signToken(account!, action.secret)) } : {};
        const filled = { ...action.secret, data: { ...action.secret.data, ...token } };
        await unlessMoved(client.update(Secrets, filled, signal));
      }
      return {};
    },
  };
}

/** Every token Secret carries the root certificates. */
function followAuthority(live: Live<string>, secrets: Lister<Secret>): NonNullable<Controller["background"]> {
  return (enqueue, signal) => {
    const changed = (): void => {
      for (const { type, metadata } of secrets.list())
        if (type === TOKEN_TYPE) enqueue(`${metadata.namespace}/${metadata.name}`);
    };
    return followRootCA(live, changed, signal);
  };
}

/** The cache may not know an account that was made together with its Secret. */
async function findAccount(
  secret: Secret,
  accounts: Lister<ServiceAccount>,
  client: Client,
  signal: AbortSignal,
): Promise<ServiceAccount | undefined> {
  const { namespace = "" } = secret.metadata;
  const name = secret.metadata.annotations?.[ACCOUNT_NAME] ?? "";
  const known = accounts.get(`${namespace}/${name}`);
  if (known !== undefined) return known;
  return unlessGone(client.get(ServiceAccounts, { namespace, name }, signal));
}

/** Somebody else wrote meanwhile: their change comes here again. */
async function unlessMoved(written: Promise<unknown>): Promise<void> {
  await written.catch((err: unknown) => {
    if (!isConflict(err) && !isNotFound(err)) throw err;
  });
}
