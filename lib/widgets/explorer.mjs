/**
 * The explorer: controls, picture and numbers of an experiment (experiment.py), as an anywidget module; comes after
 * number.js, whose function it calls. Its host is the `model`: in Jupyter the Python object's (explorer.py), on a page
 * a worker's (page.js).
 *
 * Traits: `_spec`, the experiment as data, and one number for every control.
 * To the host: {do: "start", values} computes what is immediate and drops the previous run;
 * {do: "resume"} and {do: "pause"} carry the long part on and halt it, nothing being lost.
 * From the host: {values, status, fraction} with the output as a buffer of doubles, or {values, error}.
 * If the experiment takes the reader's data: {do: "open", name} with the file as a buffer, without one for the author's
 * data again. From the host: {file, fraction} on the way, {file, fraction: 1, words}, or {file, error}; `python` says
 * what the data is where Python gave it.
 *
 * The picture is drawn here and not by a library: uPlot and Observable Plot are each larger than all of this program,
 * and neither can be read with a keyboard and a screen reader. What is pure is exported for the tests (tests/js).
 */

const REST = 150; // ms that the controls must rest before the long part begins
/** @type {Record<string, string[]>} */
const DASHES = { line: ["", "14 3 3 3"], dashed: ["7 4", "12 4"], dotted: ["2 4", "2 8"], points: [""] };
const MARKERS = [ // by colour, as in picture.py
  "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0", "m-3-3h6v6h-6z", "m0-4l3.8 7h-7.6z", "m0-4l4 4l-4 4l-4-4z",
  "m0 4l3.8-7h-7.6z", "m-4 0l7-3.8v7.6z", "m-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3z",
];
/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10,
  Home: -Infinity, End: Infinity }; // of the cursor, in points
const RAMP = [[0, 20, 60], [0, 114, 178], [86, 180, 233], [255, 250, 190]]; // from dark to light: a map's colours
const SHADES = 24; // in which a map is drawn
const MARGIN = { left: 48, right: 14, top: 28, bottom: 46 };

export default {
  /** @param {{ model: Host, el: HTMLElement }} given */
  render({ model, el }) {
    const explorer = new Explorer(model, el);
    return () => explorer.close();
  },
};

// --- Small tools ----------------------------------------------------------------------------------------

/**
 * An element with attributes (functions become listeners) and children.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | ((event: any) => void)>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, `${value}`);
  }
  node.append(...children);
  return node;
}

/** @type {(label: string, click: (event: any) => void) => HTMLButtonElement} */
const button = (label, click) => make("button", { type: "button", click }, label);

/** @param {string} text */
const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/**
 * HTML of a text in which ε_g means a subscript.
 * @param {string} text
 */
export const rich = (text) => escape(text).replace(/_(\w+)/g, "<sub>$1</sub>");

/**
 * The same for SVG, which has no subscripts.
 * @param {string} text
 */
export const drawn = (text) => escape(text)
  .replace(/_(\w+)/g, '<tspan dy=".3em" font-size=".8em">$1</tspan><tspan dy="-.24em">\u200b</tspan>');

/** @type {(value: number, low: number, high: number) => number} */
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
/** @type {(value: number, digits: number) => number} */
const round = (value, digits) => Number(value.toPrecision(digits));
/** @type {(a: number[], b: number[]) => boolean} */
const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

/**
 * A number for reading, powers of ten written out.
 * @param {number} value
 * @param {number} [digits] significant ones; by default all that the number has
 */
export function format(value, digits) {
  if (Number.isNaN(value)) return "no value";
  const size = Math.abs(value);
  const tiny = size > 0 && size < 1e-3;
  const text = tiny || size >= 1e6 ? value.toExponential(digits && digits - 1)
    : !digits ? `${value}` : size >= 10 ** digits ? value.toFixed() : value.toPrecision(digits);
  /** @param {string} digits */
  const raise = (digits) => digits.replace(/./g, (sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)] ?? "⁻");
  return text.replace(/e\+?(.+)/, (_, exponent) => `×10${raise(exponent)}`)
    .replace("-", "−").replace("Infinity", "∞");
}

/** @type {(control: Control, value: number) => string} */
export const said = ({ choices, choice_labels }, value) => choice_labels[choices.indexOf(value)] ?? format(value);

/**
 * The template with {name} replaced where `words` has the name; other braces stay.
 * @param {string} template
 * @param {Record<string, string | number>} words
 */
export const fill = (template, words) => template.replace(/\{(\w+)\}/g, (all, name) => `${words[name] ?? all}`);

/**
 * Index at which `away` is least, and below `within`; -1 if there is none.
 * @template T
 * @param {ArrayLike<T>} list
 * @param {(item: T, i: number) => number} away
 * @param {number} [within]
 */
export function closest(list, away, within = Infinity) {
  let [best, least] = [-1, within];
  for (let i = 0; i < list.length; i++) {
    const distance = away(list[i], i);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

/** @type {(name: string, type: string, text: string) => void} */
function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/**
 * Copy to the clipboard and say so on the button; where a page may not, say `otherwise`.
 * @param {HTMLElement} button
 * @param {string} text
 * @param {string} otherwise
 */
async function copy(button, text, otherwise) {
  const label = button.dataset.label ??= button.textContent;
  const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  button.textContent = copied ? "Copied" : otherwise;
  setTimeout(() => { button.textContent = label; }, 2000);
}

// --- Controls -------------------------------------------------------------------------------------------

/**
 * The values at the positions of a control's slider.
 * @param {Control} control
 * @returns {number[]}
 */
export function positionsOf({ minimum, maximum, scale, choices }) {
  if (choices.length) return choices;
  const log = scale === "log";
  const span = log ? Math.log(maximum / minimum) : maximum - minimum;
  const step = log ? span / 200 : scale === "integer" ? 1 : niceStep(span / 200);
  /** @param {number} i */
  const at = (i) => log ? round(minimum * Math.exp(i * step), 3) : round(minimum + i * step, 12);
  return Array.from({ length: Math.round(span / step) + 1 }, (_, i) => clamp(at(i), minimum, maximum));
}

/** @type {(control: Control, value: number) => boolean} */
export const accepts = ({ minimum, maximum, scale, choices }, value) => choices.length ? choices.includes(value)
  : value >= minimum && value <= maximum && (scale !== "integer" || Number.isInteger(value));

/**
 * A control: its `node`; `show` puts a value into it, `refuse` says why one is not taken.
 * @param {Control} control
 * @param {string} id
 * @param {(value: number) => void} change
 * @returns {ControlView}
 */
function makeControl(control, id, change) {
  const name = `${control.symbol}, ${control.label}`;
  const label = make("label", { for: id });
  label.innerHTML = `<i>${rich(control.symbol)}</i> ${rich(control.label)}`;
  const problem = make("p", { class: "ex-problem", role: "alert", id: `${id}-problem` });
  const why = `Give ${control.range}.`;
  const quiet = { "data-lm-suppress-shortcuts": true }; // else JupyterLab takes the arrow keys
  if (control.choice_labels.length) {
    const options = control.choices.map((value, i) => make("option", { value }, control.choice_labels[i]));
    const menu = make("select", { id, ...quiet, change: () => change(Number(menu.value)) }, ...options);
    return {
      node: make("div", { class: "ex-control" }, label, menu, problem),
      show(value) { menu.value = `${value}`; problem.textContent = ""; },
      refuse() { problem.textContent = why; },
    };
  }
  const positions = positionsOf(control);
  const slider = make("input", { type: "range", id, min: 0, max: positions.length - 1, step: 1, ...quiet,
    input: () => change(positions[Number(slider.value)]) });
  const typed = () => {
    const [value, doubt] = readNumber(box.value);
    if (doubt) put(NaN, `${doubt}.`);
    else change(value);
  };
  const box = make("input", { inputmode: "decimal", autocomplete: "off", ...quiet,
    "aria-label": `${name}: type a number`, "aria-describedby": problem.id, change: typed });
  /** @type {(value: number, why: string) => void} */
  const put = (value, why) => {
    if (!Number.isNaN(value)) box.value = `${value}`;
    box.setAttribute("aria-invalid", `${why !== ""}`);
    problem.textContent = why;
  };
  return {
    node: make("div", { class: "ex-control" }, label, make("div", { class: "ex-row" }, slider, box), problem),
    show(value) {
      slider.value = `${closest(positions, (other) => Math.abs(other - value))}`;
      slider.setAttribute("aria-valuetext", said(control, value));
      put(value, "");
    },
    refuse: (value) => put(value, why),
  };
}

// --- Axes -----------------------------------------------------------------------------------------------

/**
 * A step of 1, 2 or 5 times a power of ten that is at least `rough`.
 * @param {number} rough
 */
export function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
}

/**
 * Ends of an axis that hold `values`, at round numbers and inside the axis's limits.
 * @param {Axis} axis
 * @param {number[]} values
 */
export function rangeOf({ log, limits }, values) {
  const [least, most] = limits ?? [-Infinity, Infinity];
  const within = values.filter((value) => Number.isFinite(value) && (value > 0 || !log))
    .map((value) => clamp(value, least, most));
  if (!within.length) return limits ?? (log ? [0.1, 10] : [0, 1]);
  const low = within.reduce((a, b) => Math.min(a, b));
  const high = within.reduce((a, b) => Math.max(a, b));
  const step = niceStep((high - low || Math.abs(high) || 1) / 5);
  const [down, up] = log ? [low, high].map((value) => 10 ** Math.floor(Math.log10(value))) : [step, step];
  const ends = [Math.floor(low / down + 1e-9) * down, Math.ceil(high / up - 1e-9) * up];
  if (ends[0] === ends[1]) ends[1] += up;
  return ends.map((value) => clamp(value, least, most));
}

/**
 * Lay out an axis.
 * @param {Axis} spec
 * @param {number[]} numbers what it must hold
 * @param {number} length of the axis, in pixels
 * @param {number} spacing of its labels, in pixels, at least
 * @returns {Scale}
 */
export function makeAxis(spec, numbers, length, spacing) {
  const [low, high] = rangeOf(spec, numbers);
  if (!spec.log) {
    const step = niceStep((high - low) * spacing / length);
    const first = Math.ceil(low / step - 1e-6);
    const count = Math.floor(high / step + 1e-6) - first + 1;
    const values = Array.from({ length: count }, (_, i) => round((first + i) * step, 6));
    return { map: (value) => (value - low) / (high - low), ticks: values.map((value) => [value, format(value)]) };
  }
  const span = Math.log10(high / low);
  const stride = Math.ceil(span * spacing / length);
  /** @type {Scale["ticks"]} */
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    for (let factor = 1; factor < (stride > 1 ? 2 : 10); factor++) {
      const value = factor * 10 ** power;
      const decade = factor === 1 && power % stride === 0;
      const label = decade ? `10<tspan dy="-.45em" font-size=".75em">${format(power)}</tspan>`
        : span < 1 && [2, 5].includes(factor) ? format(round(value, 1)) : "";
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) ticks.push([value, label]);
    }
  }
  return { map: (value) => value > 0 ? Math.log10(value / low) / span : -Infinity, ticks };
}

// --- Output ---------------------------------------------------------------------------------------------

/**
 * Name the parts of an output by the places that the specification gives.
 * @param {Spec} spec
 * @param {Float64Array} output
 * @returns {Decoded}
 */
export function decode(spec, output) {
  return {
    readouts: spec.readouts.map(({ start }) => output[start]),
    curves: spec.curves.map(({ start, points, columns }) => {
      const blocks = columns.map((_, i) => output.subarray(start + i * points, start + (i + 1) * points));
      return segmentsOf(columns, blocks);
    }),
  };
}

/**
 * The stretches of a curve without a gap: a point that lacks x, y or, on a map, its value is a gap.
 * @param {string[]} columns
 * @param {ArrayLike<number>[]} blocks one per column
 * @returns {Segments}
 */
export function segmentsOf(columns, blocks) {
  const needed = columns.includes("value") ? 3 : 2;
  /** @type {Segments} */
  const segments = [[]];
  for (let i = 0; i < blocks[0].length; i++) {
    const row = blocks.map((block) => block[i]);
    if (row.slice(0, needed).some(Number.isNaN)) segments.push([]);
    else segments[segments.length - 1].push(row);
  }
  return segments.filter((rows) => rows.length);
}

/**
 * What the columns of a curve are called.
 * @param {Spec} spec
 * @param {Curve} curve
 */
export function heads({ x, y, z }, { columns }) {
  /** @type {Record<string, string | undefined>} */
  const labels = { x: x.label, y: y.label, value: z?.label };
  return columns.map((column) => labels[column] ?? column);
}

/**
 * All curves as CSV.
 * @param {Spec} spec
 * @param {Segments[]} curves
 */
export function csvOf(spec, curves) {
  const columns = ["x", "y", ...spec.z ? ["value"] : ["lower", "upper"]];
  /** @type {(name: string, row: (number | string)[]) => string} */
  const line = (name, row) => `${[name, ...columns.map((_, i) => row[i] ?? "")]}\n`;
  return line("curve", columns)
    + join(spec.curves, ({ name }, i) => join(curves[i].flat(), (row) => line(name, row)));
}

// --- Words ----------------------------------------------------------------------------------------------

/**
 * Values and read-outs by name, as a message has them.
 * @param {Spec} spec
 * @param {Values} values
 * @param {Decoded} [state]
 * @returns {Record<string, string>}
 */
export function wordsOf({ controls, readouts }, values, state) {
  return Object.fromEntries([
    ...controls.map((control) => [control.name, said(control, values[control.name])]),
    ...readouts.map(({ name, digits }, i) => [name, format(state?.readouts[i] ?? NaN, digits)]),
  ]);
}

/**
 * The sentence that a run's status stands for; "" where there is nothing to say.
 * @param {Spec} spec
 * @param {number} status
 * @param {Record<string, string>} words
 */
export function sentenceOf({ messages }, status, words) {
  return fill(messages[status] ?? "", words);
}

/**
 * The controls' values in one line.
 * @param {Spec} spec
 * @param {Values} values
 */
export function captionOf({ controls }, values) {
  return controls.map((control) => `${control.symbol} = ${said(control, values[control.name])}`).join(", ");
}

/**
 * The read-outs in one line, and the notice.
 * @param {Spec} spec
 * @param {Pick<Picture, "readouts" | "notice">} shown
 */
export function summaryOf(spec, { readouts, notice }) {
  return join(spec.readouts, ({ label, digits }, i) => `${label}: ${format(readouts[i], digits)}. `) + notice;
}

/**
 * The program that gives the same numbers: named choices by name, numbers with all their digits.
 * @param {Spec} spec
 * @param {Values} values
 * @param {string} source Python expression for the data
 */
export function programOf({ python, controls }, values, source) {
  const words = controls.map((control) => [control.name,
    control.choice_labels.length ? said(control, values[control.name]) : values[control.name]]);
  return fill(python, { ...Object.fromEntries(words), data: source });
}

/**
 * Name of a file, without its ending.
 * @param {Spec} spec
 * @param {Values} values
 */
export function stemOf({ name }, values) {
  return [name, ...Object.entries(values).map((pair) => pair.join("="))].join("_");
}

// --- Plot -----------------------------------------------------------------------------------------------

/**
 * A colour of a map's scale, from dark to light; lib/book/figures.py has the same.
 * @param {number} share 0 to 1
 */
export function shade(share) {
  const i = Math.min(2, Math.floor(3 * share));
  /** @type {(from: number, j: number) => number} */
  const mix = (from, j) => Math.round(from + (RAMP[i + 1][j] - from) * (3 * share - i));
  return `rgb(${RAMP[i].map(mix)})`;
}

/**
 * Where the cells of a map begin and end: half-way between the centres.
 * @param {number[]} centres
 */
export function edgesOf(centres) {
  /** @param {number} i */
  const half = (i) => (centres[i + 1] - centres[i]) / 2;
  return [centres[0] - (half(0) || 1e4), ...centres.map((centre, i) => centre + (half(i) || half(i - 1) || 1e4))];
}

/** @param {number[]} list */
const distinct = (list) => [...new Set(list)].sort((a, b) => a - b);

/**
 * The look of a curve. Colour is never the only difference.
 * @param {Spec} spec
 * @param {number} index of the curve
 * @returns {Look}
 */
export function lookOf(spec, index) {
  const { style, color } = spec.curves[index];
  if (style === "map") return { map: true, ink: "currentColor", marker: "", dash: "" };
  const before = spec.curves.slice(0, index).filter((curve) => curve.style === style).length;
  return { map: false, ink: `var(--ex-c${color})`, marker: style === "points" ? MARKERS[color] : "",
    dash: DASHES[style][before % DASHES[style].length] };
}

/** @type {(look: Pick<Look, "ink" | "dash" | "marker">, path: string, width?: number) => string} */
const stroke = ({ ink, dash, marker }, path, width = 2) => `<path d="${path}" ${marker ? `fill="${ink}"`
  : `fill="none" stroke="${ink}" stroke-width="${width}" stroke-linejoin="round" stroke-dasharray="${dash}"`}/>`;

/**
 * A map's colours from x on, each over the one before.
 * @type {(x: number, y: number, width: number) => string}
 */
const bar = (x, y, width) => join([...Array(SHADES).keys()], (i) =>
  `<path d="M${x + width} ${y}v8H${round(x + i * width / SHADES, 5)}v-8z" fill="${shade(i / (SHADES - 1))}"/>`);

/** @type {(look: Look, y: number) => string} */
const swatch = (look, y) => look.map ? bar(0, y - 4, 28)
  : stroke(look, look.marker ? `M14 ${y}${look.marker}` : `M0 ${y}H28`);

/** @type {(x: number, y: number, content?: string, anchor?: string) => string} */
const text = (x, y, content = "", anchor = "start") => content
  && `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="currentColor">${content}</text>`;

/**
 * @template T
 * @param {T[]} list
 * @param {(item: T, i: number) => string} markup
 */
const join = (list, markup) => list.map(markup).join("");

class Plot {
  /** @type {number[]} abscissae at which the curves are read */
  stops = [];
  stop = 0; // index of the one that is read
  /** @type {number[]} heights of a map's rows, in pixels */
  levels = [];
  /** @type {number | undefined} height at which a map is read, in pixels */
  at;
  /** @type {Scale | undefined} of a map's colours */
  z;
  /** @type {Shown[]} */
  visible = [];
  /** @type {Element | null} */
  cursor = null;
  width = 0; // of the picture, and of the axes in it; in pixels
  height = 0;
  w = 0;
  h = 0;
  /** @type {(value: number) => number} pixels from the left of the axes */
  x = Number;
  /** @type {(value: number) => number} pixels from their top */
  y = Number;

  /** @param {Spec} spec */
  constructor(spec) {
    this.spec = spec;
    this.looks = spec.curves.map((_, i) => lookOf(spec, i));
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("role", "img");
    this.tip = make("div", { class: "ex-tip", hidden: true, "aria-hidden": true });
    // A slider's content is not read out, so the slider lies over the picture.
    this.reader = make("div", { class: "ex-reader", role: "slider", tabindex: 0, "aria-valuenow": 0,
      "data-lm-suppress-shortcuts": true, "aria-label": `Read the curves along ${spec.x.label}`,
      pointermove: (event) => this.point(event), pointerdown: (event) => this.point(event),
      pointerleave: () => this.hide(), blur: () => this.hide(), keydown: (event) => this.walk(event),
      focus: ({ target }) => target.matches(":focus-visible") && this.read(this.stop) });
    this.node = make("div", { class: "ex-plot" }, this.svg, this.tip, this.reader);
  }

  /**
   * Draw the curves.
   * @param {Segments[]} curves as `decode` gives them
   * @param {Set<string>} hidden names of those that are not drawn
   */
  draw(curves, hidden) {
    const width = Math.max(280, this.node.clientWidth);
    const height = Math.round(clamp(0.6 * width, 250, 430));
    const { left, right, top, bottom } = MARGIN;
    const [w, h] = [width - left - right, height - top - bottom];
    this.visible = curves.map((segments, i) => ({ segments, look: this.looks[i], ...this.spec.curves[i] }))
      .filter(({ name }) => !hidden.has(name));
    const rows = (this.visible.length ? this.visible.map(({ segments }) => segments) : curves).flat(2);
    const x = makeAxis(this.spec.x, rows.map((row) => row[0]), w, 52);
    const y = makeAxis(this.spec.y, rows.flatMap((row) => this.spec.z ? row[1] : row.slice(1)), h, 30);
    Object.assign(this, { width, height, w, h, levels: [] });
    this.at ??= h / 2; // the height at which a map is read
    this.x = (value) => round(clamp(x.map(value) * w, -1e4, 1e4), 5);
    this.y = (value) => round(clamp((1 - y.map(value)) * h, -1e4, 1e4), 5);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("font-size", "13");
    const bands = join(this.visible, (curve) => this.band(curve));
    const maps = join(this.visible, (curve) => this.map(curve));
    const lines = join(this.visible, (curve) => this.line(curve));
    this.svg.innerHTML = `<g transform="translate(${left} ${top})">${this.axes(x.ticks, y.ticks)}
      <svg width="${w}" height="${h}">${maps}${bands}${lines}</svg>${
      maps && this.scale()}<g class="ex-cursor"></g></g>`;
    this.stops = this.visible.map(({ segments }) => distinct(segments.flat().map((row) => row[0])))
      .reduce((most, stops) => stops.length > most.length ? stops : most, []);
    this.reader.setAttribute("aria-valuemax", `${this.stops.length - 1}`);
    this.cursor = this.svg.querySelector(".ex-cursor");
    if (!this.tip.hidden) this.read(this.stop);
  }

  /** @type {(xTicks: Scale["ticks"], yTicks: Scale["ticks"]) => string} */
  axes(xTicks, yTicks) {
    const { w, h, spec } = this;
    let grid = "";
    let marks = `M0 0V${h}H${w}`;
    let words = text(4 - MARGIN.left, -12, drawn(spec.y.label));
    words += text(w, h + 39, drawn(spec.x.label), "end");
    for (const [value, label] of xTicks) {
      const x = this.x(value);
      if (label) grid += `M${x} 0V${h}`;
      else marks += `M${x} ${h}v-4`;
      words += text(x, h + 19, label, "middle");
    }
    for (const [value, label] of yTicks) {
      const y = this.y(value);
      if (label) grid += `M0 ${y}H${w}`;
      else marks += `M0 ${y}h4`;
      words += text(-7, y + 4.5, label, "end");
    }
    return `<path d="${grid}" stroke="currentColor" stroke-opacity=".15"/>
      <path d="${marks}" fill="none" stroke="currentColor" stroke-opacity=".7"/>${words}`;
  }

  /**
   * The cells of a map, of rows [x, y, value], as one path for each shade.
   * @param {Shown} curve
   */
  map({ look, segments }) {
    if (!look.map || !this.spec.z) return "";
    const cells = segments.flat().map(([x, y, value]) => [this.x(x), this.y(y), value]);
    const [columns, levels] = [0, 1].map((axis) => distinct(cells.map((cell) => cell[axis])));
    const [left, top] = [edgesOf(columns), edgesOf(levels)];
    const z = makeAxis(this.spec.z, cells.map((cell) => cell[2]), Math.min(220, 0.4 * this.w), 36);
    /** @type {string[]} */
    const paths = Array(SHADES).fill("");
    for (const [x, y, value] of cells) {
      const [i, j] = [columns.indexOf(x), levels.indexOf(y)];
      paths[clamp(Math.floor(SHADES * z.map(value)), 0, SHADES - 1)]
        += `M${left[i]} ${top[j]}H${left[i + 1]}V${top[j + 1]}H${left[i]}z`;
    }
    Object.assign(this, { levels, z });
    return `<g shape-rendering="crispEdges">${
      join(paths, (path, i) => `<path d="${path}" fill="${shade(i / (SHADES - 1))}"/>`)}</g>`;
  }

  /** What the colours of the map mean. */
  scale() {
    const { z, spec } = this;
    if (!z || !spec.z) return "";
    const width = Math.min(220, 0.4 * this.w);
    const left = this.w - width;
    return bar(left, -26, width) + text(left - 8, -17, drawn(spec.z.label), "end")
      + join(z.ticks, ([value, label]) => text(left + z.map(value) * width, -4, label, "middle"));
  }

  /**
   * A curve; over a map on a halo.
   * @param {Shown} curve
   */
  line({ look, segments }) {
    const path = look.map ? "" : this.path(look, segments);
    const halo = this.spec.z ? stroke({ ink: "var(--ex-halo)", dash: "", marker: "" }, path, 5) : "";
    return path && halo + stroke(look, path);
  }

  /** @type {(look: Look, segments: Segments) => string} */
  path({ marker }, segments) {
    /** @param {Row} row */
    const point = ([x, y]) => `${this.x(x)} ${this.y(y)}`;
    return marker ? join(segments.flat(), (row) => `M${point(row)}${marker}`)
      : join(segments, (rows) => `M${rows.map(point).join("L")}`);
  }

  /** @param {Shown} curve */
  band({ band, segments, look }) {
    if (!band) return "";
    /** @type {(rows: Row[], limit: number) => string} */
    const edge = (rows, limit) => rows.map((row) => `${this.x(row[0])} ${this.y(row[limit])}`).join("L");
    const limited = segments.map((rows) => rows.filter((row) => row[2] <= row[3]));
    const path = join(limited, (rows) => rows.length ? `M${edge(rows, 2)}L${edge(rows.reverse(), 3)}Z` : "");
    return `<path d="${path}" fill="${look.ink}" fill-opacity=".2"/>`;
  }

  /** @param {PointerEvent} event */
  point({ offsetX, offsetY }) {
    this.at = offsetY - MARGIN.top;
    this.read(closest(this.stops, (value) => Math.abs(this.x(value) + MARGIN.left - offsetX)));
  }

  /** @param {KeyboardEvent} event */
  walk(event) {
    if (event.key === "Escape") this.hide();
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    if (this.levels.length && /Up|Down$/.test(event.key)) { // to another row of the map
      const at = this.at ?? 0;
      const row = closest(this.levels, (level) => Math.abs(level - at)) - step;
      this.at = this.levels[clamp(row, 0, this.levels.length - 1)];
      this.read(this.stop);
    } else this.read(this.stop + step);
  }

  /**
   * Show what the curves are at a stop, in the picture and to a screen reader.
   * @param {number} stop index of the stop
   */
  read(stop) {
    if (!this.stops.length || !this.cursor) return;
    this.stop = clamp(stop, 0, this.stops.length - 1);
    const here = this.stops[this.stop];
    const px = this.x(here);
    const py = this.at ?? 0;
    const found = this.visible.flatMap(({ segments, look, label }) => {
      const rows = segments.flat();
      /** @param {Row} row */
      const away = ([x, y]) => look.map ? Math.hypot(this.x(x) - px, this.y(y) - py) : Math.abs(this.x(x) - px);
      const [x, y, lower, upper] = rows[closest(rows, away, look.map ? Infinity : 12)] ?? [];
      if (x === undefined) return [];
      const limits = lower <= upper ? ` (${format(lower, 3)} to ${format(upper, 3)})` : "";
      const words = look.map ? `${label} at ${this.spec.y.label} ${format(y, 3)}: ${format(lower, 3)}`
        : `${label}: ${format(y, 3)}${limits}`;
      return [{ words, ink: look.ink, at: `cx="${this.x(x)}" cy="${this.y(y)}"` }];
    });
    const place = `${this.spec.x.label} ${format(here, 3)}`;
    this.cursor.innerHTML = `<path d="M${px} 0V${this.h}" stroke="currentColor" stroke-opacity=".5"/>${
      join(found, ({ ink, at }) => `<circle ${at} r="5" fill="none" stroke="${ink}" stroke-width="2"/>`)}`;
    this.tip.innerHTML = `<b>${rich(place)}</b>${
      join(found, ({ ink, words }) => `<div><i style="background:${ink}"></i>${rich(words)}</div>`)}`;
    this.tip.hidden = false;
    this.tip.classList.toggle("ex-left", px > this.w / 2);
    this.reader.setAttribute("aria-valuenow", `${this.stop}`);
    this.reader.setAttribute("aria-valuetext", [place, ...found.map(({ words }) => words)].join("; "));
  }

  hide() {
    this.tip.hidden = true;
    if (this.cursor) this.cursor.innerHTML = "";
  }

  /**
   * The picture as a file, in light colours, with a legend.
   * @param {string} caption
   */
  file(caption) {
    const { width, height } = this;
    /** @type {(curve: Shown, i: number) => string} */
    const entry = ({ look, label }, i) => `<g transform="translate(${MARGIN.left} ${height + 22 * i})">${
      swatch(look, 8)}${text(38, 13, drawn(label))}</g>`;
    const below = height + 22 * this.visible.length;
    const picture = /** @type {SVGSVGElement} */ (this.svg.cloneNode(true));
    picture.querySelector(".ex-cursor")?.remove();
    const light = make("div", { class: "explorer ex-light" });
    this.node.append(light);
    const colors = getComputedStyle(light);
    const file = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${below + 30}" color="#222"
      font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>${
      picture.innerHTML}${this.visible.map(entry).join("")}${
      text(MARGIN.left, below + 17, drawn(caption))}</svg>`
      .replace(/var\((--[\w-]+)\)/g, (_, name) => colors.getPropertyValue(name).trim());
    light.remove();
    return file;
  }
}

// --- Runs -----------------------------------------------------------------------------------------------

/** The host's work on the newest values. */
class Run {
  #model; #reply; #receive;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {number[] | undefined} the values that the host has */
  #posted;
  #busy = false;
  /** @type {number[]} the newest ones */
  values = [];
  fraction = 0;
  going = false;
  since = 0; // when they came, ms

  /**
   * @param {Host} model
   * @param {(message: RunAnswer | FileAnswer, output?: Float64Array) => void} reply is told what concerns the newest
   *   values or the reader's file
   */
  constructor(model, reply) {
    this.#model = model;
    this.#reply = reply;
    /** @type {(message: RunAnswer | FileAnswer, buffers: DataView[]) => void} */
    this.#receive = (message, buffers) => "file" in message ? reply(message) : this.#hear(message, buffers);
    model.on("msg:custom", this.#receive);
  }

  /**
   * The immediate part at once; the rest when the values have not changed for a while.
   * @param {number[]} values
   */
  start(values) {
    Object.assign(this, { values, fraction: 0, going: false, since: performance.now() });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.resume(), REST);
    this.#post();
  }

  resume() {
    this.going = true;
    if (this.#posted === this.values) this.#model.send({ do: "resume" });
  }

  pause() {
    clearTimeout(this.#timer);
    this.going = false;
    this.#model.send({ do: "pause" });
  }

  close() {
    clearTimeout(this.#timer);
    this.#model.off("msg:custom", this.#receive);
  }

  /** Send the newest values, one set at a time: a host that lags is never given a queue. */
  #post() {
    if (this.#busy || this.#posted === this.values) return;
    this.#busy = true;
    this.#posted = this.values;
    this.#model.send({ do: "start", values: this.values });
    if (this.going) this.resume();
  }

  /**
   * @param {RunAnswer} message
   * @param {DataView[]} buffers
   */
  #hear(message, buffers) {
    this.#busy = false;
    if (same(message.values, this.values)) {
      this.fraction = message.fraction ?? 1;
      if (this.fraction >= 1) {
        clearTimeout(this.#timer);
        this.going = false;
      }
      const [view] = buffers; // a DataView, in Jupyter at any place of a larger buffer
      const doubles = view?.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
      this.#reply(message, doubles && new Float64Array(doubles));
    }
    this.#post();
  }
}

// --- The reader's own data ------------------------------------------------------------------------------

class OwnData {
  file = make("input", { type: "file", accept: ".npy,.csv,.tsv,.txt,.dat", "data-lm-suppress-shortcuts": true,
    change: () => this.open(this.file.files?.[0]) });
  back = button("Back to the first data", () => this.open());
  note = make("p", { role: "status" });
  problem = make("p", { class: "ex-problem", role: "alert" });

  /**
   * @param {Host} model
   * @param {string} id
   * @param {(source: string) => void} changed is told the Python expression for other data
   */
  constructor(model, id, changed) {
    this.model = model;
    this.spec = model.get("_spec");
    this.changed = changed;
    this.file.id = `${id}-file`;
    this.note.id = `${id}-data`;
    this.file.setAttribute("aria-describedby", this.note.id);
    this.back.hidden = true;
    this.note.textContent
      = `Samples × features, or a list of eigenvalues: at most 64 MB, and ${this.spec.table} features or samples.`;
    const where = model.link ? "stays on this machine" : "goes to this notebook's kernel";
    const label = make("label", { for: this.file.id }, `Your own data: .npy, .csv or .txt; it ${where}`);
    this.node = make("div", { class: "ex-data" }, label, make("div", { class: "ex-row" }, this.file, this.back),
      this.note, this.problem);
  }

  /**
   * Give the host a file; without one it takes the author's data again.
   * @param {File} [file]
   */
  async open(file) {
    this.problem.textContent = "";
    if (!file) {
      this.file.value = "";
      this.model.send({ do: "open", name: "" });
      return;
    }
    const { name, size } = file;
    if (size > 2 ** 26) { // not even read
      this.hear({ file: name, error: `${name}: has ${Math.ceil(size / 2 ** 20)} MB: must have at most 64 MB` });
      return;
    }
    this.note.textContent = `Reading ${name} …`;
    try {
      const bytes = await file.arrayBuffer();
      this.model.send({ do: "open", name }, undefined, [bytes]);
    } catch (error) { // moved or deleted since it was chosen, or not to be read by this reader
      this.hear({ file: name, error: `${name}: ${error instanceof Error ? error.message : error}` });
    }
  }

  /** @param {FileAnswer} message */
  hear({ file, fraction, words, error, python }) {
    if (error !== undefined) {
      this.problem.textContent = `${error}. The picture is still that of the data before.`;
      this.note.textContent = "";
      return;
    }
    if (fraction < 1) {
      this.note.textContent = `${file}: ${Math.floor(100 * fraction)} %`;
      return;
    }
    this.note.textContent = file ? `${file}: ${words}.` : "The first data again.";
    this.back.hidden = !file;
    this.changed(!file ? this.spec.source : python ?? `lib.realdata.spectrum(${JSON.stringify(file)})`);
  }
}

// --- Explorer -------------------------------------------------------------------------------------------

class Explorer {
  /** @type {Set<string>} names of the curves that are not drawn */
  hidden = new Set();
  /** @type {Picture | undefined} the newest good one */
  shown;
  /** @type {number | undefined} an animation frame that was asked for */
  frame;
  width = 0; // of the picture when it was drawn, in pixels

  // Parts of the page that change
  problem = make("p", { class: "ex-problem", role: "alert" });
  notice = make("p", { class: "ex-notice" });
  meter = make("progress", { max: 1, value: 0, "aria-label": "Simulation done" });
  percent = make("span", { class: "ex-percent" });
  stop = button("Stop", () => {
    if (this.run.going) this.run.pause();
    else this.run.resume();
    this.progress();
  });
  progressRow = make("div", { class: "ex-row", hidden: true }, this.meter, this.percent, this.stop);
  readouts = make("dl", { class: "ex-readouts simple" }); // "simple": without the margins of Sphinx
  code = make("code");
  rows = make("div", { class: "ex-table", tabindex: 0 });
  table = make("details", { toggle: () => this.tabulate() }, make("summary", {}, "Table of the curves"), this.rows);
  status = make("p", { class: "ex-status", role: "status", "aria-live": "polite" });
  print = make("p", { class: "ex-print" }); // on paper, in place of the controls

  /**
   * @param {Host} model
   * @param {HTMLElement} root
   */
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.spec = model.get("_spec");
    this.source = this.spec.source;
    /** @type {Values} */
    this.values = Object.fromEntries(this.spec.controls.map(({ name }) => [name, model.get(name)]));
    const id = `explorer-${Math.random().toString(36).slice(2)}`; // two views may stand in one document
    this.controls = Object.fromEntries(this.spec.controls.map((control, i) => [control.name,
      makeControl(control, `${id}-${i}`, (value) => this.propose({ [control.name]: value }))]));
    this.data = this.spec.table ? new OwnData(model, id, (source) => this.take(source)) : undefined;
    this.plot = new Plot(this.spec);
    this.picture = root.querySelector(".explorer-picture"); // stays until there is a live one
    this.build();
    /** @type {[event: string, listener: () => void][]} */
    this.listeners = this.spec.controls.map(({ name }) =>
      [`change:${name}`, () => this.propose({ [name]: model.get(name) })]);
    this.listeners.forEach(([event, listener]) => model.on(event, listener));
    this.run = new Run(model, (message, output) => {
      if (!("file" in message)) this.hear(message, output);
      else if (this.data) this.data.hear(message);
      else if (message.error === undefined) this.take(message.python ?? this.spec.source); // set from Python
    });
    this.run.start(this.vector());
    this.observer = new ResizeObserver(() => this.plot.node.clientWidth !== this.width && this.draw());
    this.observer.observe(this.plot.node);
  }

  close() {
    this.observer.disconnect();
    this.run.close();
    this.listeners.forEach(([event, listener]) => this.model.off(event, listener));
  }

  /** The values in the order in which the kernels take them. */
  vector() {
    return this.spec.controls.map(({ name }) => this.values[name]);
  }

  // --- What is on the page

  build() {
    const { spec, root } = this;
    // over the picture: in sight wherever that is, and what stands below stays in its place
    this.plot.svg.after(make("div", { class: "ex-message" }, this.problem, this.notice));
    const python = make("details", {}, make("summary", {}, "Python that gives this"),
      make("pre", { tabindex: 0 }, this.code), button("Copy", ({ target }) => {
        getSelection()?.selectAllChildren(this.code);
        copy(target, this.code.textContent ?? "", "Selected: press Ctrl+C");
      }));
    root.classList.add("explorer");
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", spec.title);
    root.append(make("p", { class: "ex-title" }, spec.title), this.print, this.picture ?? "", this.plot.node,
      make("div", { class: "ex-legend", role: "group", "aria-label": "Curves shown" },
        ...spec.curves.map((curve, i) => this.toggle(curve, this.plot.looks[i]))),
      make("div", { class: "ex-controls", role: "group", "aria-label": "Controls" },
        ...Object.values(this.controls).map(({ node }) => node)),
      this.data?.node ?? "",
      this.progressRow, this.readouts, this.tools(), spec.python ? python : "", this.table, this.status);
    for (const [name, value] of Object.entries(this.values)) this.controls[name].show(value);
  }

  /** The buttons under the read-outs. */
  tools() {
    const { spec, model } = this;
    const defaults = Object.fromEntries(spec.controls.map((control) => [control.name, control.default]));
    /** @type {(ending: string, type: string, content: (shown: Picture) => string) => void} */
    const save = (ending, type, content) => {
      if (this.shown) download(`${stemOf(spec, this.shown.values)}.${ending}`, type, content(this.shown));
    };
    const tools = make("div", { class: "ex-tools" }, button("Reset", () => this.propose(defaults)),
      button("Data (CSV)", () => save("csv", "text/csv", ({ curves }) => csvOf(spec, curves))),
      button("Picture (SVG)", () => save("svg", "image/svg+xml", ({ values }) =>
        this.plot.file(captionOf(spec, values)))));
    if (model.link) { // only a page has an address for a state
      tools.append(button("Copy link to this state", ({ target }) =>
        copy(target, model.link?.(this.values) ?? "", "It is in the address bar")));
    }
    return tools;
  }

  /**
   * The legend's entry of a curve, which hides and shows it.
   * @param {Curve} curve
   * @param {Look} look
   */
  toggle({ name, label }, look) {
    const entry = make("button", { type: "button", "aria-pressed": true, click: () => {
      const shown = this.hidden.delete(name);
      if (!shown) this.hidden.add(name);
      entry.setAttribute("aria-pressed", `${shown}`);
      this.draw();
    } });
    const picture = `<svg width="28" height="14" aria-hidden="true">${swatch(look, 7)}</svg>`;
    entry.innerHTML = `${picture}<span>${rich(label)}</span>`;
    return entry;
  }

  // --- From controls to numbers

  /**
   * Take values from the reader, a link or Python, those in range.
   * @param {Values} changes
   */
  propose(changes) {
    const before = this.vector();
    for (const control of this.spec.controls) {
      const { name } = control;
      if (!(name in changes)) continue;
      if (accepts(control, changes[name])) this.controls[name].show(this.values[name] = changes[name]);
      else this.controls[name].refuse(changes[name]);
    }
    if (same(before, this.vector())) return;
    for (const name of Object.keys(changes)) this.model.set(name, this.values[name]);
    this.model.save_changes();
    this.run.start(this.vector());
  }

  /**
   * Show other data.
   * @param {string} source Python expression for it
   */
  take(source) {
    this.source = source;
    this.run.start(this.vector());
  }

  /**
   * @param {RunAnswer} message
   * @param {Float64Array} [output]
   */
  hear({ status = 0, error }, output) {
    const { spec } = this;
    const state = error === undefined && output ? decode(spec, output) : undefined;
    const sentence = sentenceOf(spec, status, wordsOf(spec, this.values, state));
    const drawable = state?.curves.some((segments) => segments.length > 0);
    const failure = error !== undefined ? `The computation failed: ${error}`
      : status < 0 ? sentence
      : !drawable && this.run.fraction >= 1 ? "There is no number to draw at these values." : "";
    this.problem.textContent = failure;
    this.root.classList.toggle("ex-stale", failure !== "");
    if (failure) this.status.textContent = ""; // what it says is of the last good picture
    this.progress();
    if (failure || !state || !drawable) return;
    const { fraction, since } = this.run;
    this.shown = { ...state, notice: sentence, values: { ...this.values }, detail: { fraction, since } };
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
      if (this.shown && this.run.fraction >= 1) this.status.textContent = `Done. ${summaryOf(spec, this.shown)}`;
    });
  }

  // --- From numbers to the picture

  draw() {
    if (!this.shown) return;
    this.picture?.remove();
    const { spec } = this;
    const { curves, readouts, notice, values, detail } = this.shown;
    this.width = this.plot.node.clientWidth;
    this.plot.draw(curves, this.hidden);
    const { x, y, z } = spec;
    const caption = captionOf(spec, values);
    const words = `${z ? `Map of ${z.label}, ` : ""}${y.label} against ${x.label} at ${caption}. ${
      summaryOf(spec, this.shown)}`;
    this.plot.svg.setAttribute("aria-label", words);
    this.notice.textContent = notice;
    this.print.innerHTML = rich(caption);
    this.readouts.innerHTML = join(spec.readouts, ({ label, digits }, i) =>
      `<div><dt>${rich(label)}</dt><dd>${format(readouts[i], digits)}</dd></div>`);
    this.code.textContent = programOf(spec, values, this.source);
    this.progress();
    this.tabulate();
    this.root.dispatchEvent(new CustomEvent("explorer:drawn", { bubbles: true, detail }));
  }

  progress() {
    const { fraction, going } = this.run;
    if (fraction > 0 && fraction < 1) this.progressRow.hidden = false; // only if there is a long part
    this.meter.value = fraction;
    this.percent.textContent = `${Math.floor(100 * fraction)} %`;
    this.stop.textContent = going || fraction >= 1 ? "Stop" : "Resume";
    this.stop.disabled = fraction >= 1;
  }

  tabulate() {
    const { spec, shown } = this;
    if (!this.table.open || !shown) return;
    /** @type {(cells: string[], tag: string) => string} */
    const line = (cells, tag) => `<tr>${join(cells, (cell) => `<${tag}>${cell}</${tag}>`)}</tr>`;
    this.rows.innerHTML = join(spec.curves, (curve, i) => `<table><caption>${rich(curve.label)}</caption>${
      line(heads(spec, curve).map(rich), "th")}${
      join(shown.curves[i].flat(), (row) => line(row.map((value) => format(value, 4)), "td"))}</table>`);
  }
}
