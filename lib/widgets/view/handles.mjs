/**
 * Handles: controls that are dragged on the picture, as a line or as the two ends of a window.
 */
import { clamp, closest, drawn, format, make, shape } from "./tools.mjs";
import { MARGIN } from "./axes.mjs";
import { positionsOf, said } from "./controls.mjs";
import { placeOf } from "./frame.mjs";
import { applies } from "./guide.mjs";
import { OVER } from "./looks.mjs";

/** @type {Record<string, number>} */
const MOVES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10,
  Home: -Infinity, End: Infinity }; // in positions of the control's slider

/**
 * The value among a control's that is drawn nearest to a place.
 * @param {number[]} positions
 * @param {Axis} axis
 * @param {number} value
 */
export function nearest(positions, axis, value) {
  const place = placeOf(axis, value);
  return positions[closest(positions, (other) => Math.abs(placeOf(axis, other) - place))];
}

export class HandleView {
  /** @type {Grip[]} */
  #grips;
  area = shape("rect", { fill: "currentColor", "fill-opacity": 0.07 });
  #line = shape("path", { stroke: "currentColor", "stroke-opacity": 0.6, "stroke-width": 1.5 });
  #label = shape("text", OVER);
  node = shape("g", {}, this.#line, this.#label);
  #factor = 1; // a control's value v is drawn at factor * v ** power

  /**
   * @param {import("./plot.mjs").Plot} plot
   * @param {Handle} handle
   * @param {number} index of the handle: those of one picture stand on steps
   * @param {Values} values of the controls, kept up to date
   * @param {(changes: Values) => void} propose
   */
  constructor(plot, handle, index, values, propose) {
    this.index = index;
    this.plot = plot;
    this.values = values;
    this.handle = handle;
    this.along = handle.axis === "x";
    this.#label.innerHTML = drawn(handle.label);
    this.#grips = handle.controls.map((name) => this.grip(name, propose));
  }

  get nodes() {
    return this.#grips.map(({ node }) => node);
  }

  /** @type {(name: string, propose: (changes: Values) => void) => Grip} */
  grip(name, propose) {
    const { plot, handle, along } = this;
    const control = /** @type {Control} */ (plot.spec.controls.find((one) => one.name === name));
    const positions = positionsOf(control);
    const here = () => closest(positions, (value) => Math.abs(value - this.values[name]));
    /** @param {number} value */
    const move = (value) => value !== this.values[name] && propose({ [name]: value });
    let from = 0; // where the pointer took hold, from the line, in pixels
    const node = make("div", { class: `ex-handle ex-along-${handle.axis}`, role: "slider", tabindex: 0,
      style: `--ex-step: ${this.index}`, "data-lm-suppress-shortcuts": true,
      "aria-label": `${handle.label}: ${control.label}`, "aria-orientation": along ? "horizontal" : "vertical",
      "aria-valuemin": 0, "aria-valuemax": positions.length - 1,
      pointerdown: (/** @type {PointerEvent} */ event) => {
        node.setPointerCapture(event.pointerId);
        from = (along ? event.clientX : event.clientY) - this.at(this.values[name]);
      },
      pointermove: (/** @type {PointerEvent} */ event) => {
        if (!node.hasPointerCapture(event.pointerId)) return;
        const value = plot.value(handle.axis, (along ? event.clientX : event.clientY) - from);
        move(nearest(positions, plot.spec[handle.axis], (value / this.#factor) ** (1 / handle.power)));
      },
      keydown: (/** @type {KeyboardEvent} */ event) => {
        const step = MOVES[event.key] * Math.sign(handle.power); // as the arrow points
        if (!step) return;
        event.preventDefault();
        move(positions[clamp(here() + step, 0, positions.length - 1)]);
      } });
    return { name, control, here, node };
  }

  /** @param {number} value of a control */
  place(value) {
    return this.#factor * value ** this.handle.power;
  }

  /** @param {number} value of a control */
  at(value) {
    const { plot, along } = this;
    return along ? clamp(plot.x(this.place(value)), 0, plot.w) : clamp(plot.y(this.place(value)), 0, plot.h);
  }

  /** @param {Values} numbers read-outs and controls */
  draw(numbers) {
    const { plot, handle, along, values, index } = this;
    const { w, h } = plot;
    const { unit, place, power, controls: [first] } = handle;
    this.#factor = place ? numbers[place] / numbers[first] ** power : unit ? numbers[unit] : 1;
    const shown = applies(handle, numbers) && Number.isFinite(this.#factor);
    for (const node of [this.area, this.node]) node.setAttribute("display", shown ? "inline" : "none");
    for (const node of this.nodes) node.hidden = !shown;
    if (!shown) return;
    const places = this.#grips.map(({ name }) => this.at(values[name]));
    const [low, high] = [Math.min(...places), Math.max(...places)];
    const box = along ? { x: low, y: 0, width: high - low, height: h } : { x: 0, y: low, width: w, height: high - low };
    for (const [name, value] of Object.entries(box)) this.area.setAttribute(name, `${value}`);
    this.#line.setAttribute("d", places.map((place) => along ? `M${place} 0V${h}` : `M0 ${place}H${w}`).join(""));
    const late = along && low > 0.6 * w; // its label ends at the line
    const label = along ? { x: late ? low - 5 : low + 5, y: 13 + 18 * index }
      : { x: 5, y: low < 20 ? low + 15 : low - 5 };
    for (const [name, value] of Object.entries(label)) this.#label.setAttribute(name, `${value}`);
    this.#label.setAttribute("text-anchor", late ? "end" : "start");
    this.#grips.forEach(({ name, control, here, node }, i) => {
      node.style[along ? "left" : "top"] = `${places[i] + (along ? MARGIN.left : MARGIN.top)}px`;
      node.setAttribute("aria-valuenow", `${here()}`); // a position, as a range input's: not all values are decimals
      node.setAttribute("aria-valuetext", said(control, values[name])
        + (unit || place ? `, at ${plot.spec[handle.axis].label} ${format(this.place(values[name]), 3)}` : ""));
    });
  }
}
