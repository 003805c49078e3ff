import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { consequences, frontier, translate } = await load("widgets/letters.mjs");

test("a point is a polynomial of the letters without squares", () => {
  const paper = { beta: [2, 0, 0, -1], tau: [0, 2, 1, 0.5] };
  assert.deepEqual(translate(paper, [1, 0.75]), { beta: 1, tau: 2.75 });
  assert.deepEqual(translate({ beta: [1, 0, 0, -1], tau: [0, 0, 0, 0] }, [1.5]), { beta: 0.5, tau: 0 });
});

test("phases meet where they should, with an error that does not jump", () => {
  for (const [one, other] of [[[1, 0.999999], [1, 1.000001]], [[1, 1.999999], [1, 2.000001]], [[0.000001, 0.5], [-0.000001, 0.5]],
    [[-0.2, 0.999999], [-0.2, 1.000001]], [[1 - Math.SQRT2 + 1e-6, 2], [1 - Math.SQRT2 - 1e-6, 2]],
    [[-0.499999, 2], [-0.500001, 2]]]) {
    const [a, b] = [frontier(...one), frontier(...other)];
    assert.notEqual(a.phase, b.phase);
    assert.ok(Math.abs(a.risk - b.risk) < 1e-4, `${one}: ${a.risk}, ${b.risk}`);
    // where noise is as good for students of all sizes, between IVa and IVb, the best size does jump
    assert.ok(a.phase === "IVa" || Math.abs(a.features - b.features) < 1e-4, `${one}: ${a.features}, ${b.features}`);
  }
});

test("where there is no law it says why", () => {
  assert.match(consequences({ beta: -1, tau: 3 }).problem, /do not fall/);
  assert.match(consequences({ beta: 0.5, tau: -0.5 }).problem, /no power law/);
  const { rows, problem } = consequences({ beta: 1, tau: 4 });
  assert.equal(problem, "");
  assert.deepEqual(rows[3], ["exponent of time and one-pass data", "1.5, of SGD's noise"]);
  assert.ok(rows.at(-1)[0].endsWith("III"));
  assert.deepEqual(consequences({ beta: -0.2, tau: 2 }).rows.length, 4);
});
