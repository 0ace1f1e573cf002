/** Pages of a list, one after the other. @module */
import { isExpired, type Kind, type KubeList, type KubeObject } from "#apimachinery";
import type { Client, ListOptions } from "./client.ts";

/** Upstream's page size. */
export const PAGE_SIZE = 500;

/**
 * Each page of the list as it arrives, all of one resourceVersion. Throws Expired when the server has forgotten that
 * revision before the last page.
 */
export async function* listPages<T extends KubeObject>(
  client: Pick<Client, "list">,
  kind: Kind<T>,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<KubeList<T>> {
  let page = await client.list(kind, { limit: PAGE_SIZE, ...options }, signal);
  yield page;
  // A continue token carries the revision; servers refuse the two together.
  const { resourceVersion: _, resourceVersionMatch: __, ...rest } = options;
  while (page.metadata.continue !== undefined && page.metadata.continue !== "") {
    page = await client.list(kind, { limit: PAGE_SIZE, ...rest, continue: page.metadata.continue }, signal);
    yield page;
  }
}

/** Every object, page by page: at most `limit` (default 500) of them are held here at a time. */
export async function* listAll<T extends KubeObject>(
  client: Pick<Client, "list">,
  kind: Kind<T>,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<T> {
  for await (const page of listPages(client, kind, options, signal)) yield* page.items;
}

/** The whole list at one revision; asks for it in one piece when its pages expire under way, as upstream's pager does. */
export async function listWhole<T extends KubeObject>(
  client: Pick<Client, "list">,
  kind: Kind<T>,
  options: Omit<ListOptions, "limit" | "continue">,
  signal: AbortSignal,
): Promise<KubeList<T>> {
  const items: T[] = [];
  let first: KubeList<T> | undefined;
  try {
    for await (const page of listPages(client, kind, options, signal)) {
      first ??= page;
      if (page === first && isLast(page)) return page;
      for (const item of page.items) items.push(item);
    }
  } catch (err) {
    if (first === undefined || !isExpired(err)) throw err;
    return client.list(kind, options, signal);
  }
  const { continue: _, remainingItemCount: __, ...metadata } = first!.metadata;
  return { ...first!, metadata, items };
}

function isLast(page: KubeList): boolean {
  return page.metadata.continue === undefined || page.metadata.continue === "";
}
