import assert from "node:assert/strict";
import { test } from "node:test";

import { script } from "./load.mjs";

script("widgets/number.js");
script("widgets/address.js");

/** @type {any} */
const spec = {
  controls: [{ name: "beta", default: 1 }, { name: "rate", default: 0.1 }],
  presets: [{ name: "steep", values: { beta: 2, rate: 0.5 } }],
  curves: [{ name: "law" }, { name: "sgd" }],
};
const now = { beta: 0.7, rate: 1e-9 };

test("what is written is read", () => {
  const state = { ...now, _pins: [{ ...now, beta: 1 }, { ...now }], _hidden: ["law"], _more: true };
  const written = writeState(state);
  assert.equal(written, "beta=0.7,rate=1e-9;pin,beta=1;pin;hidden,law;more");
  assert.deepEqual(readState(written, spec, { beta: 9, rate: 9 }), { values: state, own: false, unread: [] });
  assert.equal(writeState(now), "beta=0.7,rate=1e-9"); // as before there were pins
});

test("a state of the reader's own data says so", () => {
  const written = writeState({ ...now, _more: true }, true);
  assert.equal(written, "beta=0.7,rate=1e-9,data=own;more");
  const { values, own, unread } = readState(written, spec, now);
  assert.deepEqual([values.beta, own, unread], [0.7, true, []]);
  assert.deepEqual(readState("data=mine.csv", spec, now).unread, ["data=mine.csv"]);
});

test("a preset and reset stand for their values, and what follows changes them", () => {
  assert.deepEqual(readState("steep,beta=3", spec, now).values, { beta: 3, rate: 0.5 });
  assert.deepEqual(readState("reset,rate=2", spec, now).values, { beta: 1, rate: 2 });
});

test("a link without pins leaves those that there are; one with them has all", () => {
  assert.deepEqual(Object.keys(readState("beta=1", spec, now).values), ["beta"]);
  assert.deepEqual(readState("beta=1;pin,rate=2", spec, now).values,
    { beta: 1, _pins: [{ beta: 1, rate: 2 }], _hidden: [], _more: false });
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
  assert.deepEqual(readState("beta=x,bata=1,rate=0.2,beta", spec, now),
    { values: { rate: 0.2 }, own: false, unread: ["beta=x", "bata=1", "beta"] });
  assert.deepEqual(readState("constructor=1,constructor", spec, now).unread, ["constructor=1", "constructor"]);
  assert.deepEqual(readState("beta=1;pin,bata=1;hidden,lw;pinn,beta=1", spec, now).unread,
    ["bata=1", "lw", "pinn,beta=1"]);
});

test("a state takes numbers as boxes do", () => {
  assert.deepEqual(readState("beta=−.5", spec, now).values, { beta: -0.5 });
  assert.deepEqual(readState("beta=1.234", spec, now).values, { beta: 1.234 });
});
