import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { barsOf, levelsOf, matrixOf, momentOf } = await load("widgets/view/network.mjs");
const { nextPlace } = await load("widgets/view/play.mjs");

const rows = ["student 1", "student 2"];
const matrix = { name: "Q", label: "Q", kind: "matrix", along: "flow", rows, columns: [...rows, "student 3"], start: 0 };
/** One student of two, one column of three, at time 0 and two of three more: the flow has diverged. */
const single = { times: [0, 1, 10, 100], values: Float64Array.from(
  [1, 0, 0, 0, 0, 0, -2, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, NaN, 0, 0, 0, 0, 0].map((value, i) => i % 6 ? NaN : value)) };
const bars = { name: "errors", label: "", kind: "bars", along: "flow", rows: [""], columns: ["1", "2", "3"], start: 0 };
const falling = { times: [0, 1, 2], values: Float64Array.of(6, 2, NaN, 3, 2, NaN, 0, 0, NaN) };

test("the moment is the nearest time that has numbers, without a cursor the last", () => {
  assert.equal(momentOf(single, 2), 1);
  assert.equal(momentOf(single, 90), 2);
  assert.equal(momentOf(single), 2);
  assert.equal(momentOf(falling, 0), 0);
});

test("a matrix has the rows and columns that there are, and a curve in each cell", () => {
  const { span, html } = matrixOf(matrix, single);
  assert.equal(span, 4);
  assert.equal(html.match(/<tr>/g).length, 2);
  assert.deepEqual(html.match(/data-at="\d"/g), ['data-at="0"']);
  assert.match(html, /<th scope="row">student 1<\/th>/);
  assert.match(html, /viewBox="0 0 2 20".*<path d="M0 13.3H4"\/><path d="M0 20L1 0"\/>/); // from -2 to 4, zero at 2/3
});

test("levels say what is left of each, and from where on the most", () => {
  assert.deepEqual(levelsOf(bars, falling, 1).bars,
    [{ level: "1", start: 0.75, left: 0.375 }, { level: "2", start: 0.25, left: 0.25 }]);
  assert.equal(levelsOf(bars, falling, 0).words, "100 % of ε_g at time 0 is left.");
  assert.equal(levelsOf(bars, falling, 1).words,
    "62.5 % of ε_g at time 0 is left; more than half has gone from the levels before 2.");
  assert.equal(levelsOf(bars, falling, 2).words,
    "0.00 % of ε_g at time 0 is left; more than half has gone from all levels.");
});

test("bars are outlined as at time 0, filled as far as is left, on an axis of logarithms", () => {
  const html = barsOf(levelsOf(bars, falling, 1), 262);
  const heights = (name) => [...html.match(new RegExp(`<g class="${name}">(.*?)</g>`))[1].matchAll(/ 130V([\d.]+)/g)]
    .map(([, y]) => Number(y));
  // 130 pixels for three decades
  const y = (value) => Number((-Math.log10(value) / 3 * 130).toPrecision(4));
  assert.deepEqual(heights("ex-before"), [0.75, 0.25].map(y));
  assert.deepEqual(heights("ex-left"), [0.375, 0.25].map(y));
  assert.match(html, /aria-label="62.5 % .* Levels from 1: 0.75, 0.38 left; from 2: 0.25, 0.25 left; "/);
  assert.doesNotMatch(barsOf(levelsOf(bars, falling, 2), 262), /NaN|Infinity/);
});

test("steps lead through a range to its end, and back to the start", () => {
  let [place, seen] = [0, [0]];
  while (place < 120) seen.push(place = nextPlace(place, 121));
  assert.deepEqual(seen, Array.from({ length: 13 }, (_, i) => 10 * i));
  assert.equal(nextPlace(120, 121), 0);
  assert.deepEqual([0, 1, 2].map((at) => nextPlace(at, 3)), [1, 2, 0]);
});
