import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { Frame, extentsOf, grown, settled } = await load("widgets/view/frame.mjs");
const { slopeOf } = await load("widgets/view/cursor.mjs");

const linear = { label: "x", log: false, limits: null };
const log = { label: "y", log: true, limits: null };
const lines = { x: linear, y: log, z: null };

test("an axis must hold what it can show: limits of a band along y, a map's value along z", () => {
  assert.deepEqual(extentsOf(lines, [[[[0, 3, -1, 7]], [[2, 5, NaN, Infinity]]], []]).slice(0, 2), [[0, 2], [3, 7]]);
  assert.deepEqual(extentsOf({ ...lines, z: log }, [[[[0, 3, 0], [1, 4, 9]]]]), [[0, 1], [3, 4], [9, 9]]);
  assert.deepEqual(extentsOf(lines, [])[0], [Infinity, -Infinity]);
});

test("a moving hand makes axes grow, to whole decades and by a quarter at least, and never shrink", () => {
  assert.deepEqual(grown(log, [1e-3, 1], [2e-2, 0.5]), [1e-3, 1]);
  assert.deepEqual(grown(log, [1e-3, 1], [9e-4, 1]), [1e-4, 1]);
  assert.deepEqual(grown(log, [1e-8, 1], [9e-9, 1]), [1e-10, 1]);
  assert.deepEqual(grown(linear, [0, 8], [-1, 8]), [-2, 8]);
  assert.deepEqual(grown({ ...log, limits: [1e-9, 1] }, [1e-8, 1], [1e-12, 1]), [1e-9, 1]);
});

test("at rest axes stay while they hold the numbers and are filled well enough", () => {
  assert.deepEqual(settled(log, [1e-4, 1], [1e-2, 1]), [1e-4, 1]);
  assert.deepEqual(settled(log, [1e-4, 1], [1e-1, 1]), [1e-1, 1]);
  assert.deepEqual(settled(log, [1e-4, 1], [1e-5, 1]), [1e-5, 1]);
});

test("the frame follows its hand, holds when it is told to, and is told when it was fitted again", () => {
  const frame = new Frame(lines);
  const from = (low) => [[[[0, low], [1, 1]]]];
  frame.fit(from(0.1), false);
  assert.deepEqual(frame.ends.slice(0, 2), [[0, 1], [0.1, 1]]);
  frame.fit(from(1e-6), true);
  assert.deepEqual(frame.ends[1], [1e-6, 1]);
  frame.fit(from(0.1), true);
  assert.deepEqual(frame.ends[1], [1e-6, 1]);
  frame.fit(from(0.1), false);
  assert.deepEqual(frame.ends[1], [0.1, 1]);
  frame.held = true;
  frame.fit(from(1e-6), true);
  assert.deepEqual(frame.ends[1], [0.1, 1]);
  frame.zoom = [[0, 0.5], [0.2, 0.3]];
  assert.deepEqual(frame.ends, [[0, 0.5], [0.2, 0.3]]);
});

test("a slope between two points is that which the axes draw", () => {
  assert.equal(slopeOf({ x: log, y: log }, [1, 100], [100, 1]), -1);
  assert.equal(slopeOf({ x: linear, y: linear }, [0, 1], [2, 5]), 2);
});
