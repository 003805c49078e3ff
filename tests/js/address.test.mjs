import assert from "node:assert/strict";
import { test } from "node:test";

import { script } from "./load.mjs";

script("widgets/number.js");
script("widgets/address.js");

test("what is written is read", () => {
  const values = { beta: 0.7, rate: 1e-9, terms: 32, mode: -1 };
  const { explorer, state } = readAddress(writeAddress("decay-2", values));
  assert.equal(explorer, "decay-2");
  const read = readState(state, Object.keys(values));
  assert.deepEqual(Object.fromEntries(read.values), values);
  assert.deepEqual(read.unread, []);
});

test("an address that a program has escaped is the same address", () => {
  assert.deepEqual(readAddress("#decay%3Abeta%3D0.5%2Crate%3D1"), { explorer: "decay", state: "beta=0.5,rate=1" });
});

test("an address that was cut in the middle of an escape is read as it stands", () => {
  assert.deepEqual(readAddress("#decay:beta=0.5%2"), { explorer: "decay", state: "beta=0.5%2" });
});

test("other addresses name no state", () => {
  assert.deepEqual(readAddress(""), { explorer: "", state: "" });
  assert.deepEqual(readAddress("#some-heading"), { explorer: "some-heading", state: "" });
});

test("parts that say nothing are returned, the rest is taken", () => {
  assert.deepEqual(readState("beta=x,bata=1,rate=0.2,beta", ["beta", "rate"]),
    { values: [["rate", 0.2]], unread: ["beta=x", "bata=1", "beta"] });
  assert.deepEqual(readState("constructor=1", ["beta"]).unread, ["constructor=1"]);
});

test("a state takes numbers as boxes do", () => {
  assert.deepEqual(readState("beta=−.5", ["beta"]).values, [["beta", -0.5]]);
  assert.deepEqual(readState("beta=1.234", ["beta"]).values, [["beta", 1.234]]);
});
