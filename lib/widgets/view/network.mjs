/**
 * "See the network": a second picture of the same run, at the time at which the first one is read.
 */
import { closest, drawn, format, join, make, rich, round } from "./tools.mjs";
import { makeAxis } from "./axes.mjs";

const BELOW = 0.01; // of the smallest bar, where the bars end: an axis of logarithms has no zero

/** @param {ArrayLike<number>} list */
const sum = (list) => Array.from(list).reduce((a, b) => a + b, 0);

/**
 * The numbers of a panel at one of its times.
 * @param {PanelState} state
 * @param {number} i
 */
const valuesAt = ({ times, values }, i) => {
  const size = values.length / times.length;
  return values.subarray(i * size, (i + 1) * size);
};

/**
 * The time that is nearest to x, or without one the last that has numbers.
 * @param {PanelState} state
 * @param {number} [x]
 */
export function momentOf(state, x) {
  const known = state.times.filter((_, i) => !Number.isNaN(valuesAt(state, i)[0]));
  return x === undefined ? known.length - 1 : closest(known, (time) => Math.abs(time - x));
}

/** @param {number} value An overlap, with its sign, in two decimals. */
const entry = (value) => Number.isNaN(value) ? "–" : Math.abs(value) > 99 ? format(value, 3)
  : (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace("-", "−");

/**
 * A matrix as a table: in each cell its number, and its curve over all times. What changes with the time, `mark` changes.
 * @param {Panel} panel
 * @param {PanelState} state
 */
export function matrixOf({ label, rows, columns }, state) {
  const { times, values } = state;
  const first = valuesAt(state, 0);
  /** @type {(list: string[], at: (i: number) => number) => string[]} */
  const used = (list, at) => list.filter((_, i) => !Number.isNaN(first[at(i)]));
  const [heads, names] = [used(columns, (j) => j), used(rows, (i) => i * columns.length)];
  const low = values.reduce((least, value) => value < least ? value : least, 0);
  const high = values.reduce((most, value) => value > most ? value : most, low + 1e-9);
  const span = Math.max(-low, high);
  /** @param {number} value */
  const y = (value) => round(20 * (high - value) / (high - low), 3);
  /** @param {number} at */
  const curve = (at) => {
    const points = times.flatMap((_, i) => {
      const value = valuesAt(state, i)[at];
      return i && !Number.isNaN(value) ? [`${i - 1} ${y(value)}`] : []; // in equal steps, as the curve has them
    });
    return `<svg viewBox="0 0 ${times.length - 2} 20" preserveAspectRatio="none" aria-hidden="true"><path d="M0 ${
      y(0)}H${times.length}"/><path d="M${points.join("L")}"/></svg>`;
  };
  return { span, html: `<table><caption>${rich(label)}</caption><tr><td></td>${
    join(heads, (name) => `<th scope="col">${name}</th>`)}</tr>${join(names, (name, i) =>
    `<tr><th scope="row">${name}</th>${join(heads, (_, j) => `<td data-at="${i * columns.length + j}"><b></b>${
      curve(i * columns.length + j)}</td>`)}</tr>`)}</table>` };
}

/**
 * What is left of the error, group of levels by group, and what one reads in it.
 * @param {Panel} panel
 * @param {PanelState} state
 * @param {number} i which of the times
 */
export function levelsOf({ columns }, state, i) {
  const [before, now] = [0, i].map((time) => valuesAt(state, time).filter((value) => !Number.isNaN(value)));
  const whole = sum(before);
  const bars = Array.from(before, (value, g) => ({ level: columns[g], start: value / whole, left: now[g] / whole }));
  const behind = bars.findIndex(({ start, left }) => left > start / 2);
  const gone = behind < 0 ? "all levels" : behind ? `the levels before ${bars[behind].level}` : "";
  const words = `${format(100 * sum(now) / whole, 3)} % of ε_g at time 0 is left${
    gone && `; more than half has gone from ${gone}`}.`;
  return { bars, words };
}

/**
 * The bars as a picture: outlines as high as at time 0, filled as far as is left.
 * @param {ReturnType<typeof levelsOf>} levels
 * @param {number} width
 */
export function barsOf({ bars, words }, width) {
  const [left, top, w, h] = [48, 30, width - 62, 130];
  const least = bars.reduce((low, { start }) => start > 0 ? Math.min(low, start) : low, 1);
  const floor = 10 ** Math.floor(Math.log10(BELOW * least));
  const axis = makeAxis({ label: "", log: true, limits: [floor, 1] }, [floor, 1], h, 30);
  /** @param {number} value */
  const y = (value) => round(h * (1 - Math.min(1, Math.max(0, axis.map(value)))), 4);
  const step = w / bars.length;
  const every = Math.ceil(30 / step);
  /** @type {(x: number, y: number, content: string, anchor: string) => string} */
  const say = (x, y, content, anchor) => `<text x="${round(x, 5)}" y="${y}" text-anchor="${anchor}">${content}</text>`;
  /** @type {(g: number, value: number) => string} */
  const box = (g, value) =>
    `<path d="M${round((g + 0.1) * step, 5)} ${h}V${y(value)}h${round(0.8 * step, 5)}V${h}z"/>`;
  const names = join(bars, ({ level, start, left }) => `from ${level}: ${format(start, 2)}, ${format(left, 2)} left; `);
  return `<svg viewBox="0 0 ${width} ${h + 76}" role="img" font-size="13" fill="currentColor" aria-label="${
    words} Levels ${names}"><g transform="translate(${left} ${top})">${
    say(4 - left, -14, drawn("share of ε_g at time 0"), "start")}${
    join(axis.ticks.filter(([, label]) => label), ([value, label]) =>
      say(-7, y(value) + 4.5, label, "end") + `<path class="ex-rule" d="M0 ${y(value)}H${w}"/>`)}${
    `<g class="ex-before">${join(bars, ({ start }, g) => box(g, start))}</g>`}${
    `<g class="ex-left">${join(bars, ({ left }, g) => box(g, left))}</g>`}${
    join(bars, ({ level }, g) => g % every ? "" : say((g + 0.5) * step, h + 18, level, "middle"))}${
    say(w, h + 38, "levels, each bar from this one", "end")}</g></svg>`;
}

/** The second picture. */
export class Network {
  when = make("p");
  /** @type {PanelState[]} */
  states = [];
  /** @type {number[]} the largest size of a number of each matrix */
  spans = [];
  /** @type {number | undefined} where the first picture is read */
  at;

  /** @param {Spec} spec */
  constructor(spec) {
    this.spec = spec;
    this.parts = spec.panels.map(({ kind }) => make("div", { class: `ex-${kind}`, ...kind === "matrix" && { tabindex: 0 } }));
    this.node = make("details", { class: "ex-network", hidden: true, toggle: () => this.draw() },
      make("summary", {}, "See the network"), this.when, make("div", { class: "ex-panels" }, ...this.parts));
  }

  /** @param {PanelState[]} states the newest numbers */
  show(states) {
    this.states = states;
    // what a state of the controls does not have is not a number at any time
    this.parts.forEach((part, i) => { part.hidden = Number.isNaN(states[i].values[0]); });
    this.node.hidden = this.parts.every(({ hidden }) => hidden);
    this.draw();
  }

  /** @param {number} [x] where the first picture is read; nowhere without it */
  read(x) {
    this.at = x;
    this.mark();
  }

  draw() {
    if (!this.node.open) return;
    this.spans = this.spec.panels.map((panel, i) => {
      if (panel.kind === "bars" || this.parts[i].hidden) return 0;
      const { span, html } = matrixOf(panel, this.states[i]);
      this.parts[i].innerHTML = html;
      return span;
    });
    this.mark();
  }

  /** Show the numbers of the time. */
  mark() {
    if (!this.node.open || this.node.hidden) return;
    this.spec.panels.forEach((panel, p) => {
      const [part, state] = [this.parts[p], this.states[p]];
      if (part.hidden) return;
      const i = momentOf(state, this.at);
      this.when.innerHTML = rich(`${this.spec.x.label}: ${format(state.times[i], 3)}`);
      if (panel.kind === "bars") {
        const levels = levelsOf(panel, state, i);
        part.innerHTML = barsOf(levels, Math.max(280, part.clientWidth)) + `<p>${rich(levels.words)}</p>`;
        return;
      }
      const values = valuesAt(state, i);
      part.style.setProperty("--ex-at", `${Math.max(0, i - 1) / (state.times.length - 2)}`);
      for (const cell of /** @type {NodeListOf<HTMLElement>} */ (part.querySelectorAll("[data-at]"))) {
        const value = values[Number(cell.dataset.at)];
        /** @type {HTMLElement} */ (cell.firstChild).textContent = entry(value);
        // At most 45 %: beyond it the number on it is hard to read in the dark.
        cell.style.background = `color-mix(in srgb, var(--ex-c${value < 0 ? 1 : 0}) ${
          round(45 * Math.abs(value) / this.spans[p], 3) || 0}%, transparent)`;
      }
    });
  }
}
