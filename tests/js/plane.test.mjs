import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { marksOf } = await load("widgets/view/plane.mjs");

const across = { name: "a", symbol: "a", label: "", minimum: 0, maximum: 2, scale: "linear", choices: [] };
const up = { ...across, name: "b", minimum: -1, maximum: 1 };
const marks = [
  { label: "an area", kind: "area", points: [[0, -1], [1, 1]] },
  { label: "a border", kind: "border", points: [[0, 0], [2, 0]] },
  { label: "<region>", kind: "region", points: [[1, 0]] },
  { label: "x_1", kind: "point", points: [[2, 0], [0, 0]] },
];

test("areas and borders run between the places of their values, and names stand inside the frame", () => {
  const { lines, words } = marksOf({ x: "a", y: "b", label: "", marks }, across, up);
  assert.equal(lines, '<path class="ex-area" d="M0 198L142 0"/><path class="ex-border" d="M0 99L284 99"/>');
  assert.match(words, /<text x="147" y="13" text-anchor="start"[^>]*>an area</); // at the upper edge below its end
  assert.match(words, /<text x="281" y="95" text-anchor="end"[^>]*>a border</); // at the right edge before it
  assert.match(words, /<text x="142" y="99" text-anchor="middle"[^>]*>&#60;region&#62;</);
  assert.match(words, /<circle cx="284" cy="99" r="2.5"\/><circle cx="0" cy="99" r="2.5"\/><text x="5" y="95"/);
});
