import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { guideOf } = await load("widgets/view/guide.mjs");
const { nearest } = await load("widgets/view/handles.mjs");
const { boxOf } = await load("widgets/view/zoom.mjs");
const { History } = await load("widgets/view/history.mjs");

test("the guide lies above the curve, below it where there is no room, and nowhere without a curve or a slope", () => {
  const line = (start) => Array.from({ length: 101 }, (_, i) => [i, start + i]);
  const lies = (...given) => { const { ends, below } = guideOf(...given); return [...ends, below]; };
  assert.deepEqual(lies(line(50), 1, 200), [35, 69, 60, 94, false]);
  assert.deepEqual(lies(line(-30), 1, 200), [35, 21, 60, 46, true]);
  assert.deepEqual(lies(line(50), 1, 200, true), [35, 101, 60, 126, true]);
  assert.equal(guideOf(line(50), NaN, 200), undefined);
  assert.equal(guideOf([], 1, 200), undefined);
});

test("a handle takes the value that is drawn nearest", () => {
  const positions = [1, 10, 100];
  assert.equal(nearest(positions, { log: true }, 40), 100);
  assert.equal(nearest(positions, { log: false }, 40), 10);
});

test("a rectangle is cut at the axes, a short side means the whole one, and a click means nothing", () => {
  assert.deepEqual(boxOf([50, 80], [10, -20], [100, 90]), [10, 0, 50, 80]);
  assert.deepEqual(boxOf([10, 40], [60, 43], [100, 90]), [10, 0, 60, 90]);
  assert.equal(boxOf([10, 40], [12, 43], [100, 90]), undefined);
});

test("a gesture is one step back, whatever it passed through", () => {
  const history = new History([0]);
  assert.ok(!history.back && !history.forth);
  for (const value of [1, 2, 3]) history.add([value], 7);
  history.add([4]);
  history.add([5]);
  assert.deepEqual([history.go(-1), history.go(-1), history.go(-1), history.go(-1)], [[4], [3], [0], undefined]);
  assert.deepEqual([history.go(1), history.forth], [[3], true]);
  history.add([6], 7); // after going back a new step begins, and what lay ahead is gone
  assert.deepEqual([history.forth, history.go(-1)], [false, [3]]);
});
