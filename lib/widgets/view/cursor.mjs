/**
 * The cursor that reads all curves at once, by pointer, finger and keys.
 */
import { clamp, closest, distinct, format, join, make, rich, shape } from "./tools.mjs";
import { MARGIN } from "./axes.mjs";
import { placeOf } from "./frame.mjs";

/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10,
  Home: -Infinity, End: Infinity }; // of the cursor, in points
const NEAR = 12; // pixels within which a curve has a point at the cursor

/**
 * The slope of a curve between two of its points, as the axes draw it: that of logarithms where they are logarithmic.
 * @param {Spec} spec
 * @param {Row} from
 * @param {Row} to
 */
export function slopeOf({ x, y }, from, to) {
  return (placeOf(y, to[1]) - placeOf(y, from[1])) / (placeOf(x, to[0]) - placeOf(x, from[0]));
}

export class Cursor {
  /** @type {number[] | undefined} abscissae at which the curves are read; undefined after a drawing */
  #stops;
  stop = 0; // index of the one that is read
  /** @type {number | undefined} height at which a map is read, in pixels */
  at;
  /** @type {number | undefined} abscissa of the mark, from which slopes are taken */
  mark;
  marks = shape("g", { class: "ex-cursor" });
  tip = make("div", { class: "ex-tip", hidden: true, "aria-hidden": true });

  /** @param {import("./plot.mjs").Plot} plot */
  constructor(plot) {
    this.plot = plot;
    this.reader = make("div", { class: "ex-reader", role: "slider", tabindex: 0, "aria-valuenow": 0,
      "data-lm-suppress-shortcuts": true, "aria-label": `Read the curves along ${plot.spec.x.label}`,
      "aria-description": "m marks a point, from which slopes are read; + zooms in, − out",
      pointerdown: (event) => {
        this.point(event);
        plot.zoom.begin(event);
      },
      pointermove: (event) => plot.zoom.move(event) || this.point(event),
      pointerup: (event) => plot.zoom.end(event), pointercancel: () => plot.zoom.cancel(),
      dblclick: () => plot.zoom.out(),
      pointerleave: ({ pointerType }) => pointerType === "mouse" && this.hide(), // a finger covers what it reads
      blur: () => this.hide(), keydown: (event) => this.walk(event),
      focus: ({ target }) => target.matches(":focus-visible") && this.read(this.stop) });
  }

  /** Where the curves can be read: at the points of the one that has most in the picture. */
  get stops() {
    const { visible, w } = this.plot;
    /** @param {number} x */
    const seen = (x) => this.plot.x(x) >= -1 && this.plot.x(x) <= w + 1;
    return this.#stops ??= visible.map(({ segments }) => distinct(segments.flatMap((rows) => rows.map(([x]) => x)))
      .filter(seen)).reduce((most, stops) => stops.length > most.length ? stops : most, []);
  }

  /** After a drawing: it stays where it was along the axis. */
  follow() {
    const { plot } = this;
    const here = this.#stops?.[this.stop];
    this.#stops = undefined;
    if (here === undefined || !this.tip.hidden) this.reader.setAttribute("aria-valuemax", `${this.stops.length - 1}`);
    if (!this.tip.hidden && here !== undefined) this.read(this.closestTo(plot.x(here)));
    else if (this.mark !== undefined) this.hide(); // in its new place
  }

  /** @param {PointerEvent} event */
  point({ offsetX, offsetY }) {
    this.at = offsetY - MARGIN.top;
    this.read(this.closestTo(offsetX - MARGIN.left));
  }

  /** @param {number} px from the left of the axes */
  closestTo(px) {
    return closest(this.stops, (value) => Math.abs(this.plot.x(value) - px));
  }

  /** @param {KeyboardEvent} event */
  walk(event) {
    const { plot, plot: { zoom }, tip: { hidden } } = this;
    const here = this.stops[this.stop];
    if (event.key === "m") this.setMark();
    else if (event.key === "+") {
      const row = this.near(here).find(Boolean);
      zoom.around(plot.x(here), row ? plot.y(row[1]) : this.height);
    } else if (event.key === "-") zoom.out();
    else if (event.key === "Escape" && !zoom.cancel()) { // first the cursor and its mark, then the zoom
      if (hidden && this.mark === undefined) zoom.out();
      this.mark = undefined;
      this.hide();
    }
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const layer = plot.visible.find(({ look }) => look.map);
    if (layer && /Up|Down$/.test(event.key)) { // to another row of the map
      const levels = distinct(layer.segments.flat().map((row) => plot.y(row[1])));
      const row = closest(levels, (level) => Math.abs(level - this.height)) - step;
      this.at = levels[clamp(row, 0, levels.length - 1)];
      this.read(this.stop);
    } else this.read(this.stop + step);
  }

  get height() {
    return this.at ?? this.plot.h / 2;
  }

  /** Take slopes from here, or no longer. */
  setMark() {
    const here = this.stops[this.stop];
    this.mark = this.mark === here ? undefined : here;
    this.read(this.stop);
  }

  /**
   * The points of the curves near an abscissa.
   * @param {number} value
   */
  near(value) {
    const { plot } = this;
    const px = plot.x(value);
    return plot.visible.map(({ segments, look }) => {
      const rows = segments.flat();
      /** @param {Row} row */
      const away = ([x, y]) => Math.hypot(plot.x(x) - px, look.map ? plot.y(y) - this.height : 0);
      return rows[closest(rows, away, look.map ? Infinity : NEAR)];
    });
  }

  /**
   * Show what the curves are at a stop, in the picture and to a screen reader.
   * @param {number} stop index of the stop
   */
  read(stop) {
    const { plot, stops, mark } = this;
    const { spec, visible } = plot;
    if (!stops.length) return;
    this.stop = clamp(stop, 0, stops.length - 1);
    const here = stops[this.stop];
    const from = mark === undefined || mark === here ? [] : this.near(mark);
    const found = this.near(here).flatMap((row, i) => {
      const { look, label } = visible[i];
      if (!row) return [];
      const [x, y, lower, upper] = row;
      const limits = lower <= upper ? ` (${format(lower, 3)} to ${format(upper, 3)})` : "";
      const slope = !from[i] || look.map ? "" : `, slope ${format(slopeOf(spec, from[i], row), 3)}`;
      const words = look.map ? `${label} at ${spec.y.label} ${format(y, 3)}: ${format(lower, 3)}`
        : `${label}: ${format(y, 3)}${limits}${slope}`;
      return [{ words, ink: look.ink, at: `cx="${plot.x(x)}" cy="${plot.y(y)}"` }];
    });
    const place = `${spec.x.label} ${format(here, 3)}${
      mark === undefined ? "" : mark === here ? ", marked" : `, slopes from ${format(mark, 3)}`}`;
    this.marks.innerHTML = this.line(here) + this.line(mark, "3 3") + join(found, ({ ink, at }) =>
      `<circle ${at} r="5" fill="none" stroke="${ink}" stroke-width="2"/>`);
    this.tip.innerHTML = `<b>${rich(place)}</b>${
      join(found, ({ ink, words }) => `<div><i style="background:${ink}"></i>${rich(words)}</div>`)}`;
    this.tip.hidden = false;
    this.tip.classList.toggle("ex-left", plot.x(here) > plot.w / 2);
    this.reader.setAttribute("aria-valuenow", `${this.stop}`);
    this.reader.setAttribute("aria-valuetext", [place, ...found.map(({ words }) => words)].join("; "));
    this.tell(here);
  }

  /** @type {(x: number | undefined, dash?: string) => string} */
  line(x, dash = "") {
    return x === undefined ? "" : `<path d="M${this.plot.x(x)} 0V${this.plot.h}" stroke="currentColor"
      stroke-opacity=".5" stroke-dasharray="${dash}"/>`;
  }

  /** Only the mark stays. */
  hide() {
    this.tip.hidden = true;
    this.marks.innerHTML = this.line(this.mark, "3 3");
    this.tell();
  }

  /**
   * Tell other views of the run where the cursor is; undefined when it is gone.
   * @param {number} [x]
   */
  tell(x) {
    this.reader.dispatchEvent(new CustomEvent("explorer:read", { bubbles: true, detail: x }));
  }
}
