import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { closest, drawn, fill, format, linesOf, rich } = await load("widgets/view/tools.mjs");
const { makeAxis, niceStep, rangeOf } = await load("widgets/view/axes.mjs");
const { accepts, positionsOf, said, settle, ticksOf } = await load("widgets/view/controls.mjs");
const { csvOf, decode, heads, segmentsOf } = await load("widgets/view/output.mjs");
const { captionOf, headlineOf, numbersOf, presetOf, programOf, sentenceOf, stemOf, summaryOf, wordsOf }
  = await load("widgets/view/words.mjs");
const { edgesOf, lookOf, shade } = await load("widgets/view/looks.mjs");
const { Run, timeLeft } = await load("widgets/view/run.mjs");

const control = { name: "beta", symbol: "β", label: "exponent", default: 1, minimum: 0.1, maximum: 2, scale: "linear",
  choices: [], choice_labels: [] };
const menu = { ...control, name: "mode", symbol: "m", choices: [1, 2], choice_labels: ["plain", "fancy"] };
const axis = { label: "x", log: false, limits: null };
/** Two numbers, two curves and a panel, whose parts lie in another order than their names. */
const spec = {
  name: "toy", x: { ...axis, label: "time" }, y: { ...axis, label: "error" }, z: null, controls: [control, menu],
  readouts: [
    { name: "slope", label: "slope", digits: 3, names: [], start: 1 },
    { name: "last", label: "last", digits: 2, names: [], start: 0 },
  ],
  curves: [
    { name: "noisy", label: "SGD", style: "points", color: 2, start: 8, points: 2,
      columns: ["x", "y", "lower", "upper"] },
    { name: "law", label: "law", style: "line", color: 0, start: 2, points: 3, columns: ["x", "y"] },
  ],
  panels: [{ name: "R", label: "R", kind: "matrix", along: "noisy", rows: ["student 1"],
    columns: ["teacher 1", "teacher 2"], start: 16 }],
  messages: { 1: "At {beta} the slope is {slope}; see {this}.", "-1": "Nothing at {mode}.", "-2": "Other." },
  python: 'run("{mode}", {beta}, {data}, {"a": 1})',
};
const OUTPUT = Float64Array.of(7, 0.12345, 1, 2, 3, 10, NaN, 30, 1, 2, 5, 6, 4, 5, 6, 7, 0, NaN, 0.5, NaN, 1, NaN);

// --- Words

test("numbers are written for reading", () => {
  for (const [value, digits, text] of [
    [0.000123, 2, "1.2×10⁻⁴"], [1e-12, undefined, "1×10⁻¹²"], [1234567, 3, "1.23×10⁶"], [-0.5, undefined, "−0.5"],
    [123.4, 2, "123"], [0.12345, 3, "0.123"], [0, 3, "0.00"], [32, undefined, "32"], [Infinity, 3, "∞"],
    [NaN, 3, "no value"],
  ]) assert.equal(format(value, digits), text);
});

test("a choice is said by its name, a number by its digits", () => {
  assert.equal(said(menu, 2), "fancy");
  assert.equal(said(control, 0.5), "0.5");
});

test("a state is a preset's if all of its values are", () => {
  const presets = [{ name: "plain", values: { beta: 1, mode: 1 } }, { name: "fancy", values: { beta: 1, mode: 2 } }];
  assert.equal(presetOf({ presets }, { beta: 1, mode: 2 }).name, "fancy");
  assert.equal(presetOf({ presets }, { beta: 0.9, mode: 2 }), undefined);
});

test("a template takes the names that there are, and leaves other braces", () => {
  assert.equal(fill("{a} {b} {} {a}", { a: 1 }), "1 {b} {} 1");
});

test("an underscore makes a subscript, and markup is text", () => {
  assert.equal(rich("ε_g < 1 & \"b\""), "ε<sub>g</sub> &#60; 1 &#38; &#34;b&#34;");
  assert.match(drawn("ε_g"), /^ε<tspan dy=".3em" font-size=".8em">g<\/tspan>/);
});

test("a status stands for its sentence, filled in", () => {
  const words = wordsOf(spec, { beta: 0.5, mode: 2 }, decode(spec, OUTPUT));
  assert.deepEqual(words, { beta: "0.5", mode: "fancy", slope: "0.123", last: "7.0" });
  assert.equal(sentenceOf(spec, 1, words), "At 0.5 the slope is 0.123; see {this}.");
  assert.equal(sentenceOf(spec, -1, words), "Nothing at fancy.");
  assert.equal(sentenceOf(spec, 0, words), "");
  const messages = { 1: "One.", 2: "Two.", 4: "Four.", "-1": "No.", "-2": "Nor." };
  assert.deepEqual([1, 5, 7, -1, -2, 0].map((status) => sentenceOf({ messages }, status, {})),
    ["One.", "One. Four.", "One. Two. Four.", "No.", "Nor.", ""]);
  assert.equal(wordsOf(spec, { beta: 0.5, mode: 2 }).slope, "no value"); // a run that failed has no numbers
});

test("caption, summary, program and file name tell the values", () => {
  const values = { beta: 0.123456, mode: 1 };
  assert.equal(captionOf(spec, values), "β = 0.123456, m = plain");
  assert.equal(summaryOf(spec, { readouts: [0.5, 7], notice: "Rough." }), "slope: 0.500. last: 7.0. Rough.");
  assert.equal(programOf(spec, values, "s"), 'run("plain", 0.123456, s, {"a": 1})');
  assert.equal(stemOf(spec, values), "toy_beta=0.123456_mode=1");
});

test("a read-out that is another's error stands behind it, and alone nowhere", () => {
  const [slope, last] = spec.readouts;
  const two = { ...spec, readouts: [{ ...slope, error: "last", headline: true }, last] };
  assert.deepEqual(numbersOf(two, [0.5, 0.02]), [{ at: 0, label: "slope", headline: true, words: "0.500 ± 0.020" }]);
  assert.equal(numbersOf(two, [0.5, NaN])[0].words, "0.500");
  assert.equal(headlineOf(two, { readouts: [0.5, 0.02], notice: "Rough." }), "slope: 0.500 ± 0.020. Rough.");
  assert.equal(headlineOf(spec, { readouts: [0.5, 7], notice: "" }), "slope: 0.500, last: 7.0.");
  assert.deepEqual(numbersOf(spec, [0.5, 7]).map(({ words }) => words), ["0.500", "7.0"]);
});

test("a read-out whose values have names says these, and numbers that have none as numbers", () => {
  const named = { ...spec, readouts: [{ ...spec.readouts[0], names: ["solid", "liquid"] }] };
  assert.equal(numbersOf(named, [1])[0].words, "liquid");
  assert.equal(wordsOf(named, { beta: 0.5, mode: 2 }, { readouts: [0], curves: [], panels: [] }).slope, "solid");
  assert.equal(numbersOf(named, [NaN])[0].words, "no value");
});

// --- Output

test("an output is read at the places that the specification names", () => {
  const { readouts, curves, panels } = decode(spec, OUTPUT);
  assert.deepEqual(readouts, [0.12345, 7]);
  assert.deepEqual(curves, [[[[1, 5, 4, 6], [2, 6, 5, 7]]], [[[1, 10]], [[3, 30]]]]);
  assert.deepEqual(panels, [{ times: [0, 1, 2], values: OUTPUT.subarray(16) }]);
});

test("a gap is a point without x, y or, on a map, a value; limits may be missing", () => {
  assert.deepEqual(segmentsOf(["x", "y"], [[NaN, 1, 2], [1, 1, NaN]]), [[[1, 1]]]);
  assert.deepEqual(segmentsOf(["x", "y", "lower", "upper"], [[1], [1], [NaN], [NaN]]), [[[1, 1, NaN, NaN]]]);
  assert.deepEqual(segmentsOf(["x", "y", "value"], [[1, 2], [1, 1], [NaN, 3]]), [[[2, 1, 3]]]);
  assert.deepEqual(segmentsOf(["x", "y"], [[NaN], [NaN]]), []);
});

test("columns are called as the axes are", () => {
  assert.deepEqual(heads(spec, spec.curves[0]), ["time", "error", "lower", "upper"]);
  assert.deepEqual(heads({ ...spec, z: { ...axis, label: "height" } }, { columns: ["x", "y", "value"] }),
    ["time", "error", "height"]);
});

test("CSV has a line for every point", () => {
  assert.equal(csvOf(spec, decode(spec, OUTPUT)),
    "curve,x,y,lower,upper\nnoisy,1,5,4,6\nnoisy,2,6,5,7\nlaw,1,10,,\nlaw,3,30,,\n"
    + "R student 1 teacher 1,0,0,,\nR student 1 teacher 1,1,0.5,,\nR student 1 teacher 1,2,1,,\n");
});

// --- Controls

test("a slider's positions hold both ends, and only values that are accepted", () => {
  const log = { ...control, scale: "log", minimum: 1e-3, maximum: 1 };
  const whole = { ...control, scale: "integer", minimum: 1, maximum: 64 };
  for (const one of [control, log, whole, { ...control, choices: [1, 5, 20] }]) {
    const positions = positionsOf(one);
    assert.ok(positions.every((value) => accepts(one, value)), JSON.stringify(one));
    assert.deepEqual(positions, [...positions].sort((a, b) => a - b));
  }
  assert.deepEqual([positionsOf(control)[0], positionsOf(control).at(-1)], [0.1, 2]);
  assert.deepEqual([positionsOf(log).length, positionsOf(log)[0], positionsOf(log).at(-1)], [201, 1e-3, 1]);
  assert.equal(positionsOf(whole).length, 64);
});

test("a logarithmic slider marks and has 1, 2 and 5 times the powers of ten", () => {
  const log = { ...control, scale: "log", minimum: 3e-2, maximum: 20 };
  assert.deepEqual(ticksOf(log), [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]);
  assert.ok(ticksOf(log).every((tick) => positionsOf(log).includes(tick)));
  assert.deepEqual([ticksOf(control), ticksOf({ ...log, choices: [1, 10] })], [[], []]);
});

test("a caption is broken where a line is full", () => {
  const lines = (width) => linesOf(["a = 1,", "b = 2,", "c = 3"], width, (line) => line.length);
  assert.deepEqual(lines(13), ["a = 1, b = 2,", "c = 3"]);
  assert.deepEqual([lines(2).length, lines(99).length], [3, 1]);
});

test("what a control does not accept", () => {
  assert.ok(!accepts(control, 2.1) && !accepts(control, NaN) && accepts(control, 2));
  assert.ok(!accepts({ ...control, scale: "integer", maximum: 9 }, 1.5));
  assert.ok(!accepts(menu, 1.5) && accepts(menu, 1));
});

test("the closest of a list, if it is near enough", () => {
  const away = (value) => Math.abs(value - 4);
  assert.equal(closest([1, 3, 9], away), 1);
  assert.equal(closest([1, 9], away, 3), -1);
  assert.equal(closest([], away), -1);
});

test("the end of a window that is moved pushes the other", () => {
  const rank = { ...control, scale: "log", minimum: 1, maximum: 100 };
  const window = { controls: [{ ...rank, name: "first", maximum: 50 }, { ...rank, name: "last", minimum: 6 }],
    ordered: [{ low: "first", high: "last", ratio: 2, gap: 4 }] };
  for (const [changed, values, first, last] of [
    [{ first: 10 }, { last: 24 }, 10, 24], [{ last: 24 }, { first: 10 }, 10, 24], // in order
    [{ first: 20 }, { last: 24 }, 20, 44.2], [{ last: 12 }, { first: 10 }, 3.93, 12], // at the slider's positions
    [{ first: 50 }, { last: 60 }, 47.2, 100], [{ last: 6 }, { first: 10 }, 1, 6], // as far as there is room
    [{ first: 20, last: 12 }, {}, 20, 44.2],
  ]) {
    const settled = settle(window, { ...values, ...changed }, changed);
    assert.deepEqual(settled, { first, last });
    assert.ok(last >= 2 * first + 4);
  }
});

test("a choice pushes a choice, and two orders hold together", () => {
  const size = { ...control, choices: [1, 2, 4, 8] };
  const controls = ["a", "b", "c"].map((name) => ({ ...size, name }));
  const ordered = [["a", "b"], ["b", "c"]].map(([low, high]) => ({ low, high, ratio: 1, gap: 0 }));
  assert.deepEqual(settle({ controls, ordered }, { a: 8, b: 2, c: 4 }, { a: 8 }), { a: 8, b: 8, c: 8 });
});

// --- The conversation with the host

test("what is left is said in a unit that fits, once it is known and if it is worth saying", () => {
  for (const [done, elapsed, text] of [
    [0.5, 4000, ""], [0.5, 100, ""], [0, 4000, ""], [0.1, 4000, "about 40 s left"], [0.1, 20_000, "about 3 min left"],
    [0.01, 90_000, "about 2 h left"], [1e-6, 3e5, "about 3472 days left"], [NaN, 1000, ""],
  ]) assert.equal(timeLeft(done, elapsed, 1 - done), text);
});

/** A run with a host that answers when it is told to; what it was sent, and what the run said. */
function conversation(mock) {
  mock.timers.enable({ apis: ["setTimeout"] });
  const [sent, said] = [[], []];
  let hear;
  const host = { on: (_, listener) => { hear = listener; }, off() {}, send: (message) => sent.push(message) };
  const run = new Run(host, ({ values, fraction }) => said.push([values, fraction]), (late) => said.push(late));
  return { run, sent, said, answer: (values, fraction) => hear({ values, status: 0, fraction }, []) };
}

test("an answer that takes long is said, and that it came", ({ mock }) => {
  const { run, said, answer } = conversation(mock);
  run.start([1]);
  answer([1], 0);
  mock.timers.tick(5000);
  assert.deepEqual(said, [false, [[1], 0]]);
  run.start([2]);
  mock.timers.tick(100);
  run.start([3]); // does not begin to count again
  mock.timers.tick(160);
  answer([2], 0); // of no use any more
  assert.deepEqual(said.slice(2), [true]);
  answer([3], 0);
  assert.deepEqual(said.slice(3), [false, [[3], 0]]);
});

test("newer values wait for the older ones' answer, but not for ever", ({ mock }) => {
  const { run, sent, answer } = conversation(mock);
  run.start([1]);
  run.start([2]);
  run.start([3]);
  assert.deepEqual(sent.map(({ values }) => values), [[1]]);
  answer([1], 0);
  assert.deepEqual(sent.map(({ values }) => values), [[1], [3]]);
  run.start([4]);
  mock.timers.tick(600);
  run.start([5]);
  mock.timers.tick(500); // a second after [4]
  assert.deepEqual(sent.filter((message) => message.do === "start").map(({ values }) => values), [[1], [3], [5]]);
});

// --- Axes and marks

test("steps are 1, 2 or 5 times a power of ten", () => {
  assert.deepEqual([0.011, 0.02, 0.3, 6, 10].map(niceStep), [0.02, 0.02, 0.5, 10, 10]);
});

test("an axis ends at round numbers around what it holds, inside its limits", () => {
  assert.deepEqual(rangeOf(axis, [0.13, 0.87]), [0, 1]);
  const ends = rangeOf({ ...axis, log: true }, [3.4e-3, 0.27, 0, -1]); // what is not positive has no place there
  assert.deepEqual(ends.map((value) => value.toPrecision(6)), ["0.00300000", "0.300000"]);
  assert.deepEqual(rangeOf({ ...axis, limits: [0, 0.5] }, [0.13, 0.87]), [0.1, 0.5]);
  assert.deepEqual(rangeOf(axis, [NaN, Infinity]), [0, 1]);
  const [low, high] = rangeOf(axis, [2, 2]);
  assert.ok(low <= 2 && 2 <= high && low < high);
});

test("a linear axis has its ticks at round numbers, evenly spaced", () => {
  const { map, ticks } = makeAxis(axis, [0, 1], 260, 52);
  assert.deepEqual(ticks, [[0, "0"], [0.2, "0.2"], [0.4, "0.4"], [0.6, "0.6"], [0.8, "0.8"], [1, "1"]]);
  assert.deepEqual([map(0), map(0.5), map(1)], [0, 0.5, 1]);
});

test("a logarithmic axis labels decades that have room, and marks the rest", () => {
  const log = { ...axis, log: true };
  const { map, ticks } = makeAxis(log, [1, 1000], 600, 52);
  assert.deepEqual(ticks.filter(([, label]) => label).map(([value]) => value), [1, 10, 100, 1000]);
  assert.equal(ticks.length, 28);
  assert.ok(Math.abs(map(10) - 1 / 3) < 1e-15);
  assert.equal(map(0), -Infinity);
  const narrow = makeAxis(log, [1e-6, 1e6], 150, 52).ticks;
  assert.equal(narrow.length, 13);
  assert.deepEqual(narrow.filter(([, label]) => label).map(([value]) => Math.round(Math.log10(value))), [-5, 0, 5]);
  const short = makeAxis(log, [1, 6], 600, 52).ticks; // less than a decade: 2 and 5 are labelled too
  assert.deepEqual(short.filter(([, label]) => label).map(([value]) => value), [1, 2, 5]);
});

test("the cells of a map meet half-way, and a single one fills the picture", () => {
  assert.deepEqual(edgesOf([0, 2, 6]), [-1, 1, 4, 8]);
  const [left, right] = edgesOf([5]);
  assert.ok(left < -1000 && right > 1000);
});

test("a map's colours run from dark to light", () => {
  assert.equal(shade(0), "rgb(0,20,60)");
  assert.equal(shade(1), "rgb(255,250,190)");
  assert.equal(shade(0.5), "rgb(43,147,206)");
});

test("curves differ by more than their colour", () => {
  const curves = ["line", "line", "dashed", "points", "points"].map((style, color) => ({ style, color }));
  const looks = curves.map((_, i) => lookOf({ curves }, i));
  assert.equal(new Set(looks.map(({ dash, marker }) => `${dash}|${marker}`)).size, curves.length);
  assert.ok(lookOf({ curves: [{ style: "map" }] }, 0).map);
});

// --- Pins

const { differences, pinned } = await load("widgets/view/pins.mjs");

test("what sets states apart is what is not alike in all of them", () => {
  const words = (parts) => parts.map(([{ symbol }, value]) => `${symbol} ${value}`).join();
  const states = [{ beta: 1, mode: 1 }, { beta: 1, mode: 2 }, { beta: 1, mode: 1 }];
  assert.deepEqual(differences(spec, states).map(words), ["m 1", "m 2", "m 1"]);
  assert.deepEqual(differences(spec, [states[0]]), [[]]);
});

test("simulations and maps are not pinned", () => {
  assert.deepEqual([{ band: true, style: "points" }, { band: false, style: "map" }, { band: false, style: "line" }]
    .map(pinned), [false, false, true]);
});
