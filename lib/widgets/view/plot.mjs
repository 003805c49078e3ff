/**
 * The picture: axes, curves and maps.
 *
 * It is drawn here and not by a library: uPlot and Observable Plot are each larger than all of this program, and
 * neither can be read with a keyboard and a screen reader. A drawing changes the attributes of elements that stay;
 * axes are written anew only when they change.
 */
import { SIGNS, clamp, distinct, drawn, escape, join, linesOf, make, same, shape } from "./tools.mjs";
import { MARGIN, makeAxis } from "./axes.mjs";
import { Frame, placeOf, valueAt } from "./frame.mjs";
import { GuideView } from "./guide.mjs";
import { HandleView } from "./handles.mjs";
import { SHADES, bar, edgesOf, lookOf, shade, stroke, swatch, text } from "./looks.mjs";
import { Cursor } from "./cursor.mjs";
import { Zoom } from "./zoom.mjs";

const EDGE = 6; // by which a point's marker may reach over the axes

/** @type {(value: number) => number} a tenth of a pixel is enough */
const pixel = (value) => Math.round(10 * clamp(value, -1e4, 1e4)) / 10;

export class Plot {
  /** @type {Layer[]} the curves that are drawn, with their elements */
  visible = [];
  /** @type {string | undefined} names of the hidden curves when the layers were made */
  #hidden;
  /** @type {Parameters<Plot["draw"]> | undefined} of the last drawing */
  #last;
  /** @type {Segments[]} curves of the pinned states that are drawn */
  #pinned = [];
  ghosts = shape("g");
  #laid = ""; // size and ends for which the axes are laid out
  width = 0; // of the picture, and of the axes in it; in pixels
  height = 0;
  w = 0;
  h = 0;
  /** @type {Scale[]} */
  scales = [];

  /**
   * @param {Spec} spec
   * @param {Values} values of the controls, kept up to date
   * @param {(changes: Values) => void} propose takes new ones
   */
  constructor(spec, values, propose) {
    this.spec = spec;
    this.looks = spec.curves.map((_, i) => lookOf(spec, i));
    this.frame = new Frame(spec);
    this.axes = shape("g");
    this.curves = shape("svg");
    this.points = shape("svg", { x: -EDGE, y: -EDGE });
    this.guides = spec.guides.map((guide, i) => new GuideView(this, guide, i % 2 > 0));
    this.handles = spec.handles.map((handle, i) => new HandleView(this, handle, i, values, propose));
    this.cursor = new Cursor(this);
    this.zoom = new Zoom(this);
    this.svg = /** @type {SVGSVGElement} */ (shape("svg", { role: "img", "font-size": 13 },
      shape("g", { transform: `translate(${MARGIN.left} ${MARGIN.top})` },
        this.axes, ...this.handles.map(({ area }) => area), this.curves, this.points,
        ...[...this.guides, ...this.handles].map(({ node }) => node), this.cursor.marks,
        this.zoom.rectangle)));
    // A slider's content is not read out, so the slider lies over the picture.
    this.node = make("div", { class: spec.z ? "ex-plot ex-map" : "ex-plot" }, this.svg, this.cursor.tip, this.cursor.reader, this.zoom.bar,
      ...this.handles.flatMap(({ nodes }) => nodes));
  }

  /** @param {number} value */
  x(value) {
    return pixel(this.scales[0].map(value) * this.w);
  }

  /** @param {number} value */
  y(value) {
    return pixel((1 - this.scales[1].map(value)) * this.h);
  }

  /**
   * The value at a distance in pixels from the left of the axes, or from their top.
   * @param {"x" | "y"} name
   * @param {number} distance
   */
  value(name, distance) {
    const axis = this.spec[name];
    const [low, high] = this.frame.ends[name === "x" ? 0 : 1].map((end) => placeOf(axis, end));
    const share = name === "x" ? distance / this.w : 1 - distance / this.h;
    return valueAt(axis, low + share * (high - low));
  }

  /** Pixels down for each to the right, on a line of slope -1. */
  get steepness() {
    const [x, y] = [this.spec.x, this.spec.y].map((axis, i) =>
      this.frame.ends[i].map((end) => placeOf(axis, end)).reduce((low, high) => high - low));
    return this.h / y / (this.w / x);
  }

  /**
   * Draw a picture.
   * @param {Pick<Picture, "curves" | "readouts" | "values">} picture
   * @param {Set<string>} hidden names of the curves that are not drawn
   * @param {Segments[][]} [pins] the curves of pinned states
   * @param {boolean} [moving] whether the axes may only grow
   */
  draw(picture, hidden, pins = [], moving = false) {
    const { curves, readouts, values } = picture;
    this.#last = [picture, hidden, pins];
    const names = [...hidden].join();
    if (names !== this.#hidden) this.layers(hidden);
    this.#hidden = names;
    for (const layer of this.visible) layer.segments = curves[layer.index];
    const framed = this.visible.filter((layer) => layer.framed).map(({ segments }) => segments);
    const pinned = pins.flatMap((pin) => pin.filter((segments, i) =>
      segments.length && !hidden.has(this.spec.curves[i].name)));
    const seen = [...framed, ...pinned];
    if (this.frame.fit(seen.length ? seen : curves, moving)) this.zoom.say("axes fitted again");
    if (this.lay() || !same(pinned, this.#pinned)) {
      this.ghosts.innerHTML = join(pins, (pin, i) => this.ghost(pin, i, hidden));
      this.#pinned = pinned;
    }
    for (const layer of this.visible) {
      if (layer.look.map) this.paint(layer);
      const path = this.path(layer);
      for (const line of layer.lines) line.setAttribute("d", path);
      layer.limits?.setAttribute("d", this.band(layer.segments));
    }
    const numbers = { ...values, ...Object.fromEntries(this.spec.readouts.map(({ name }, i) => [name, readouts[i]])) };
    for (const aid of [...this.guides, ...this.handles]) aid.draw(numbers);
    this.cursor.follow();
  }

  /** Draw the last picture again. */
  redraw() {
    if (this.#last) this.draw(...this.#last);
  }

  /**
   * Make the elements of the curves.
   * @param {Set<string>} hidden
   */
  layers(hidden) {
    const { spec, looks } = this;
    this.visible = spec.curves.flatMap((curve, index) => {
      const [look, fill] = [looks[index], { fill: looks[index].ink }];
      if (hidden.has(curve.name)) return [];
      const stroke = { fill: "none", stroke: look.ink, "stroke-width": 2, "stroke-linejoin": "round",
        "stroke-dasharray": look.dash };
      const halo = { ...stroke, stroke: "var(--ex-halo)", "stroke-width": 5, "stroke-dasharray": "" };
      const cells = [...Array(look.map ? SHADES : 0).keys()];
      return [{ ...curve, index, look, segments: [],
        limits: curve.band ? shape("path", { ...fill, "fill-opacity": 0.2 }) : undefined,
        cells: cells.map((i) => shape("path", { fill: shade(i / (SHADES - 1)) })),
        lines: look.map ? [] : look.marker ? [shape("path", fill)]
          : [...spec.z ? [halo] : [], stroke].map((attributes) => shape("path", attributes)) }];
    });
    const { visible } = this;
    this.curves.replaceChildren(
      ...visible.filter(({ look }) => look.map).map(({ cells }) =>
        shape("g", { "shape-rendering": "crispEdges" }, ...cells)),
      this.ghosts, ...visible.flatMap(({ limits }) => limits ?? []),
      ...visible.flatMap(({ lines, look }) => look.marker ? [] : lines));
    this.points.replaceChildren(...visible.flatMap(({ lines, look }) => look.marker ? lines : []));
  }

  /** Whether it has another size than when it was drawn. */
  get resized() {
    return this.size.join() !== [this.width, this.height].join();
  }

  get size() {
    return [Math.max(280, this.node.clientWidth), Math.max(160, this.node.clientHeight)];
  }

  /** Lay out the axes, if the picture's size or they have changed: whether they were laid out. */
  lay() {
    const { spec, frame } = this;
    const [width, height] = this.size;
    const laid = [width, height, ...frame.ends].join();
    if (laid === this.#laid) return false;
    this.#laid = laid;
    const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
    Object.assign(this, { width, height, w, h });
    const lengths = [w, h, Math.min(220, 0.4 * w)];
    this.scales = [spec.x, spec.y, ...spec.z ? [spec.z] : []].map((axis, i) =>
      makeAxis(axis, frame.ends[i], lengths[i], [52, 30, 36][i]));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    for (const [clip, edge] of /** @type {const} */ ([[this.curves, 0], [this.points, EDGE]])) {
      clip.setAttribute("width", `${w + 2 * edge}`);
      clip.setAttribute("height", `${h + 2 * edge}`);
      clip.setAttribute("viewBox", `${-edge} ${-edge} ${w + 2 * edge} ${h + 2 * edge}`);
    }
    this.axes.innerHTML = this.grid() + this.colors(lengths[2]);
    return true;
  }

  /** Lines, ticks and words of the axes. */
  grid() {
    const { w, h, spec, scales } = this;
    let grid = "";
    let marks = `M0 0V${h}H${w}`;
    let words = text(4 - MARGIN.left, -12, drawn(spec.y.label));
    words += text(w, h + 39, drawn(spec.x.label), "end");
    for (const [value, label] of scales[0].ticks) {
      const x = this.x(value);
      if (label) grid += `M${x} 0V${h}`;
      else marks += `M${x} ${h}v-4`;
      words += text(x, h + 19, label, "middle");
    }
    for (const [value, label] of scales[1].ticks) {
      const y = this.y(value);
      if (label) grid += `M0 ${y}H${w}`;
      else marks += `M0 ${y}h4`;
      words += text(-7, y + 4.5, label, "end");
    }
    return `<path d="${grid}" stroke="currentColor" stroke-opacity=".15"/>
      <path d="${marks}" fill="none" stroke="currentColor" stroke-opacity=".7"/>${words}`;
  }

  /**
   * What the colours of the map mean. Words at the bar's ends stay inside, away from the label on its left.
   * @param {number} width
   */
  colors(width) {
    const { spec, scales, w } = this;
    if (!spec.z) return "";
    const left = w - width;
    return bar(left, -26, width) + text(left - 8, -17, drawn(spec.z.label), "end")
      + join(scales[2].ticks, ([value, label]) => {
        const share = scales[2].map(value);
        return text(left + share * width, -4, label, share < 0.05 ? "start" : share > 0.95 ? "end" : "middle");
      });
  }

  /**
   * The cells of a map, of rows [x, y, value], as one path for each shade.
   * @param {Layer} layer
   */
  paint({ segments, cells }) {
    const rows = segments.flat();
    /** @type {(column: number, place: (value: number) => number) => Map<number, [from: number, to: number]>} */
    const spans = (column, place) => {
      const values = distinct(rows.map((row) => row[column]));
      const edges = edgesOf(values.map(place));
      return new Map(values.map((value, i) => [value, [edges[i], edges[i + 1]]]));
    };
    const [columns, levels] = [spans(0, (x) => this.x(x)), spans(1, (y) => this.y(y))];
    const paths = cells.map(() => "");
    for (const [x, y, value] of rows) {
      const [left, right] = columns.get(x) ?? [];
      const [bottom, top] = levels.get(y) ?? [];
      paths[clamp(Math.floor(SHADES * this.scales[2].map(value)), 0, SHADES - 1)]
        += `M${left} ${top}H${right}V${bottom}H${left}z`;
    }
    paths.forEach((path, i) => cells[i].setAttribute("d", path));
  }

  /** @param {{ look: Look, segments: Segments }} curve */
  path({ look: { marker }, segments }) {
    let path = "";
    for (const rows of segments) {
      let pen = "M";
      for (const row of rows) {
        path += `${pen}${this.x(row[0])} ${this.y(row[1])}${marker}`;
        if (!marker) pen = "L";
      }
    }
    return path;
  }

  /**
   * The curves of a pinned state, thin and grey, and its number at the end of the first one.
   * @param {Segments[]} curves
   * @param {number} pin
   * @param {Set<string>} hidden
   */
  ghost(curves, pin, hidden) {
    const shown = curves.map((segments, i) => ({ segments, look: { ...this.looks[i], ink: "var(--ex-pin)" } }))
      .filter(({ segments }, i) => segments.length && !hidden.has(this.spec.curves[i].name));
    const end = shown[0]?.segments.at(-1)?.at(-1);
    return join(shown, (curve) => stroke(curve.look, this.path(curve), 1.5))
      + (end ? text(this.x(end[0]) - 4, clamp(this.y(end[1]) - 6, 12, this.h), SIGNS[pin], "end") : "");
  }

  /** @param {Segments} segments */
  band(segments) {
    /** @type {(rows: Row[], limit: number) => string} */
    const edge = (rows, limit) => rows.map((row) => `${this.x(row[0])} ${this.y(row[limit])}`).join("L");
    const limited = segments.map((rows) => rows.filter((row) => row[2] <= row[3]));
    return join(limited, (rows) => rows.length ? `M${edge(rows, 2)}L${edge(rows.reverse(), 3)}Z` : "");
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
    const pen = make("canvas").getContext("2d");
    if (pen) pen.font = "13px sans-serif";
    const lines = linesOf(caption.split(/(?<=,) /), width - MARGIN.left - MARGIN.right,
      (line) => pen?.measureText(line).width ?? 7 * line.length);
    const picture = /** @type {SVGSVGElement} */ (this.svg.cloneNode(true));
    picture.querySelector(".ex-cursor")?.remove();
    const light = make("div", { class: "explorer ex-light" });
    this.node.append(light);
    const colors = getComputedStyle(light);
    const file = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${below + 14 + 18 * lines.length}" color="#222"
      font-family="sans-serif" font-size="13"><title>${escape(this.spec.title)}</title><rect width="100%" height="100%" fill="#fff"/>${
      picture.innerHTML}${this.visible.map(entry).join("")}${
      join(lines, (line, i) => text(MARGIN.left, below + 17 + 18 * i, drawn(line)))}</svg>`
      .replace(/var\((--[\w-]+)\)/g, (_, name) => colors.getPropertyValue(name).trim());
    light.remove();
    return file;
  }
}
