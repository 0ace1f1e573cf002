import assert from "node:assert/strict";
import { test } from "node:test";
import { renderTable } from "./table.ts";

test("renderTable aligns columns by their longest cell and leaves no blanks at the ends", () => {
  assert.equal(
    renderTable(
      ["NAME", "IP"],
      [
        ["a", "10.0.0.1"],
        ["longer", ""],
      ],
    ),
    "NAME     IP\na        10.0.0.1\nlonger   \n",
  );
});

test("renderTable without rows is the header", () => {
  assert.equal(renderTable(["NAME", "ROLE"], []), "NAME   ROLE\n");
});
