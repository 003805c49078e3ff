import assert from "node:assert/strict";
import { test } from "node:test";

import { script } from "./load.mjs";

script("widgets/number.js");

test("numbers are read as people write them", () => {
  for (const [text, value] of [["0.5", 0.5], [" -1e-3 ", -1e-3], ["−2", -2], ["+.5", 0.5], ["2.", 2], ["0,5", 0.5],
    ["12,34", 12.34], ["1,234.5", 1234.5], ["1.234,5", 1234.5], ["1,234,567", 1234567], ["1 234.5", 1234.5],
    ["1\u202f234,5", 1234.5], ["1'000'000", 1e6], ["1,5e3", 1500]]) {
    assert.deepEqual(readNumber(text), [value, ""], text);
  }
});

test("a text that is no number gives NaN and no doubt", () => {
  for (const text of ["", "one", "1..2", "1e", "--1", "1+1", "0x10", "Infinity", "1,23,456", "12 34"]) {
    assert.deepEqual(readNumber(text), [NaN, ""], text);
  }
});

test("a comma before three digits may be two numbers, and both are named", () => {
  assert.deepEqual(readNumber("1,234"), [NaN, "1,234 may mean 1234 or 1.234: write one of the two"]);
  assert.deepEqual(readNumber("0,234"), [0.234, ""]); // no thousands begin with 0
});
