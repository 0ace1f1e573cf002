/** `quantity("1Gi")`: resource quantities in rules. @module */
import type { Environment } from "@marcbachmann/cel-js";
import {
  addQuantity,
  compareQuantity,
  formatQuantity,
  isIntegerQuantity,
  isQuantity,
  newQuantity,
  parseQuantity,
  quantityToNumber,
  quantityValue,
  signOf,
  subQuantity,
  type Quantity as Value,
} from "#apimachinery";

export class Quantity {
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }

  toString(): string {
    return formatQuantity(this.value);
  }
}

const of = (n: bigint): Quantity => new Quantity(newQuantity(n));

export function registerQuantities(env: Environment): void {
  const plus = (a: Quantity, b: Quantity): Quantity => new Quantity(addQuantity(a.value, b.value));
  const minus = (a: Quantity, b: Quantity): Quantity => new Quantity(subQuantity(a.value, b.value));
  const order = (a: Quantity, b: Quantity): number => compareQuantity(a.value, b.value);
  env
    .registerType("Quantity", { ctor: Quantity, fields: {} })
    .registerFunction("quantity(string): Quantity", (text: string) => new Quantity(parseQuantity(text)))
    .registerFunction("isQuantity(string): bool", isQuantity)
    .registerFunction("Quantity.isInteger(): bool", (q: Quantity) => isIntegerQuantity(q.value))
    .registerFunction("Quantity.asInteger(): int", (q: Quantity) => {
      if (!isIntegerQuantity(q.value)) throw new Error("cannot convert value to integer");
      return BigInt(quantityValue(q.value));
    })
    .registerFunction("Quantity.asApproximateFloat(): double", (q: Quantity) => quantityToNumber(q.value))
    .registerFunction("Quantity.sign(): int", (q: Quantity) => BigInt(signOf(q.value)))
    .registerFunction("Quantity.add(Quantity): Quantity", plus)
    .registerFunction("Quantity.add(int): Quantity", (q: Quantity, n: bigint) => plus(q, of(n)))
    .registerFunction("Quantity.sub(Quantity): Quantity", minus)
    .registerFunction("Quantity.sub(int): Quantity", (q: Quantity, n: bigint) => minus(q, of(n)))
    .registerFunction("Quantity.isLessThan(Quantity): bool", (a: Quantity, b: Quantity) => order(a, b) < 0)
    .registerFunction("Quantity.isGreaterThan(Quantity): bool", (a: Quantity, b: Quantity) => order(a, b) > 0)
    .registerFunction("Quantity.compareTo(Quantity): int", (a: Quantity, b: Quantity) => BigInt(order(a, b)))
    .registerOperator("Quantity == Quantity", (a: Quantity, b: Quantity) => order(a, b) === 0);
}
