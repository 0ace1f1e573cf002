/** Functions with a dot in their name (`sets.contains`): methods of a constant. @module */
import type { Environment } from "@marcbachmann/cel-js";

/** After it, `<name>Functions.x(…)` declares what is called as `name.x(…)`. Handlers get the constant first. */
export function registerNamespace(env: Environment, name: string): string {
  const type = `${name}Functions`;
  class Functions {
    readonly name = name;
  }
  env.registerType(type, { ctor: Functions, fields: {} }).registerConstant(name, type, new Functions());
  return type;
}
