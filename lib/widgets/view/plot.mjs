/**
 * The picture, and the cursor that reads it.
 *
 * It is drawn here and not by a library: uPlot and Observable Plot are each larger than all of this program, and
 * neither can be read with a keyboard and a screen reader.
 */
import { SIGNS, clamp, closest, drawn, format, join, make, rich, round } from "./tools.mjs";
import { makeAxis } from "./axes.mjs";

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
export const bar = (x, y, width) => join([...Array(SHADES).keys()], (i) =>
  `<path d="M${x + width} ${y}v8H${round(x + i * width / SHADES, 5)}v-8z" fill="${shade(i / (SHADES - 1))}"/>`);

/** @type {(look: Look, y: number) => string} */
export const swatch = (look, y) => look.map ? bar(0, y - 4, 28)
  : stroke(look, look.marker ? `M14 ${y}${look.marker}` : `M0 ${y}H28`);

/** @type {(x: number, y: number, content?: string, anchor?: string) => string} */
export const text = (x, y, content = "", anchor = "start") => content
  && `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="currentColor">${content}</text>`;

export class Plot {
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
   * @param {Segments[][]} [pins] the curves of pinned states
   */
  draw(curves, hidden, pins = []) {
    const width = Math.max(280, this.node.clientWidth);
    const height = Math.max(140, this.node.clientHeight); // which explorer.css gives
    const { left, right, top, bottom } = MARGIN;
    const [w, h] = [width - left - right, height - top - bottom];
    this.visible = curves.map((segments, i) => ({ segments, look: this.looks[i], ...this.spec.curves[i] }))
      .filter(({ name }) => !hidden.has(name));
    const ghosts = pins.map((pin) => this.looks.map((look, i) => ({ look: { ...look, ink: "var(--ex-pin)" },
      segments: hidden.has(this.spec.curves[i].name) ? [] : pin[i] })));
    const seen = [...this.visible, ...ghosts.flat()];
    const rows = (seen.length ? seen.map(({ segments }) => segments) : curves).flat(2);
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
    const greys = join(ghosts, (ghost, i) => this.ghost(ghost, i));
    this.svg.innerHTML = `<g transform="translate(${left} ${top})">${this.axes(x.ticks, y.ticks)}
      <svg width="${w}" height="${h}">${maps}${greys}${bands}${lines}</svg>${
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

  /**
   * The curves of a pinned state, thin and grey, and its number at the end of the first one.
   * @param {{ look: Look, segments: Segments }[]} curves
   * @param {number} pin
   */
  ghost(curves, pin) {
    const end = curves.find(({ segments }) => segments.length)?.segments.at(-1)?.at(-1);
    return join(curves, ({ look, segments }) => segments.length ? stroke(look, this.path(look, segments), 1.5) : "")
      + (end ? text(this.x(end[0]) - 4, clamp(this.y(end[1]) - 6, 12, this.h), SIGNS[pin], "end") : "");
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
