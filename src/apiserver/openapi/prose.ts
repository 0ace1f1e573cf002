/** Descriptions of definitions and fields: a source may bring them at run time, we carry no copy. @module */

/** What is said of a definition. */
export interface Prose {
  /** "" when nothing is said of the definition itself. */
  readonly text: string;
  /** By field name. */
  readonly fields: ReadonlyMap<string, string>;
}

export interface ProseSource {
  /** Changes when the text may have changed: a part of the hash of every document. */
  readonly id: string;
  /** By definition name (`io.k8s.api.apps.v1.Deployment`); undefined when nothing is known of it. */
  of(definition: string): Promise<Prose | undefined>;
}

/** Asks `source` for each definition once; for the making of one document. */
export function remembering(source: ProseSource): ProseSource {
  const known = new Map<string, Promise<Prose | undefined>>();
  return {
    id: source.id,
    of(definition) {
      let said = known.get(definition);
      if (said === undefined) known.set(definition, (said = source.of(definition)));
      return said;
    },
  };
}
