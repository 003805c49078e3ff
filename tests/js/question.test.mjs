import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { judge, parse } = await load("book/question.mjs");
const third = { ask: "", answer: 1 / 3, tolerance: 0.01 / 3, choices: [],
  hints: [{ equals: 2 / 3, say: "A factor of 2 too large." }] };

test("an answer may be a product of numbers", () => {
  for (const [text, value] of [["1/3", 1 / 3], ["2·10^-3", 2e-3], ["-10^4", -1e4], ["pi/4", Math.PI / 4],
    ["5 %", 0.05], ["2 × 10**(-3)", 2e-3], ["1/3/2", 1 / 6], ["0,5", 0.5]]) {
    assert.ok(Math.abs(parse(text)[0] - value) <= 1e-15 * Math.abs(value), text);
  }
  for (const text of ["", "one", "1/0", "alert(1)", "1+1", "2/-3"]) assert.deepEqual(parse(text), [NaN, ""], text);
  assert.match(parse("1,000/3")[1], /may mean/);
});

test("answers are judged", () => {
  for (const [text, verdict, word] of [
    ["1/3", "right", "0.333333"], ["0.339", "close", "digit"], ["0.35", "wrong", "solution"],
    ["2/3", "hint", "factor of 2"], ["-0.333", "hint", "sign"], ["33.4", "hint", "power of ten"],
    ["x", "unparsed", "number"], ["1,000", "unparsed", "may mean"],
  ]) {
    const judged = judge(third, text);
    assert.equal(judged.verdict, verdict, text);
    assert.ok(judged.message.includes(word), judged.message);
  }
});

test("around zero only the tolerance counts", () => {
  const zero = { ...third, answer: 0, tolerance: 0.1, hints: [] };
  assert.deepEqual(["0.1", "-0.2", "1"].map((text) => judge(zero, text).verdict), ["right", "close", "wrong"]);
});

test("words are compared without their case and blanks", () => {
  const word = { ...third, answer: "mean field", hints: [{ equals: "erf", say: "That has a plateau." }] };
  assert.deepEqual(["  Mean  Field", "ERF", "relu", " "].map((text) => judge(word, text).verdict),
    ["right", "hint", "wrong", "unparsed"]);
});
