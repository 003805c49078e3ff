/**
 * What the reader does to the frame: zoom into a rectangle and back, and hold the axes.
 */
import { button, clamp, make, shape } from "./tools.mjs";
import { MARGIN } from "./axes.mjs";

const CLICK = 8; // pixels that a pointer may move in a click
const SAID = 4000; // ms for which a note stands

/**
 * The part of the picture between two points, [left, top, right, bottom]; a side too short to be meant is the whole
 * one, and there is none between the two ends of a click.
 * @param {number[]} from
 * @param {number[]} to
 * @param {number[]} size of the axes
 */
export function boxOf(from, to, size) {
  const sides = size.map((length, i) => [from[i], to[i]].map((place) => clamp(place, 0, length)).sort((a, b) => a - b));
  const short = sides.map(([low, high]) => high - low < CLICK);
  if (short[0] && short[1]) return undefined;
  const [[left, right], [top, bottom]] = sides.map((side, i) => short[i] ? [0, size[i]] : side);
  return [left, top, right, bottom];
}

export class Zoom {
  /** @type {number[] | undefined} where the drawing of a rectangle began */
  #from;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  rectangle = shape("path", { fill: "currentColor", "fill-opacity": 0.1, stroke: "currentColor",
    "stroke-dasharray": "4 3" });
  #start = button("Zoom", () => this.aim(!this.aiming));
  #back = button("Zoom out", () => this.out());
  #hold = button("Hold axes", () => {
    const { frame } = this.plot;
    frame.held = !frame.held;
    this.#hold.setAttribute("aria-pressed", `${frame.held}`);
    this.plot.redraw();
  });
  #note = make("span", { class: "ex-note" });
  bar = make("div", { class: "ex-aids", role: "group", "aria-label": "Picture" },
    this.#start, this.#back, this.#hold, this.#note);
  aiming = false; // whether a drag draws a rectangle

  /** @param {import("./plot.mjs").Plot} plot */
  constructor(plot) {
    this.plot = plot;
    this.#hold.setAttribute("aria-pressed", "false");
    this.#start.title = "Then drag a rectangle; or drag with Shift, or press + at the cursor";
    this.aim(false);
    this.#back.hidden = true;
  }

  /** @param {boolean} aiming */
  aim(aiming) {
    this.aiming = aiming;
    this.#start.setAttribute("aria-pressed", `${aiming}`);
    this.plot.node?.classList.toggle("ex-aiming", aiming);
  }

  /**
   * Say something for a moment, to the eye.
   * @param {string} words
   */
  say(words) {
    this.#note.textContent = words;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.say(""), SAID);
  }

  /** @type {(event: MouseEvent) => number[]} */
  at({ offsetX, offsetY }) {
    return [offsetX - MARGIN.left, offsetY - MARGIN.top];
  }

  /**
   * Begin a rectangle, if that is what the pointer does.
   * @param {PointerEvent} event
   */
  begin(event) {
    if (event.button || !this.aiming && !event.shiftKey) return false;
    this.#from = this.at(event);
    this.plot.cursor.reader.setPointerCapture(event.pointerId);
    return true;
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.#from) return false;
    const box = boxOf(this.#from, this.at(event), [this.plot.w, this.plot.h]);
    this.rectangle.setAttribute("d", box ? `M${box[0]} ${box[1]}H${box[2]}V${box[3]}H${box[0]}z` : "");
    return true;
  }

  /**
   * The rectangle's end.
   * @param {PointerEvent} event
   */
  end(event) {
    const from = this.#from;
    if (!this.cancel() || !from) return;
    const box = boxOf(from, this.at(event), [this.plot.w, this.plot.h]);
    if (box) this.into(box);
    else if (event.shiftKey) this.plot.cursor.setMark();
  }

  /** Give up a rectangle; false if there was none. */
  cancel() {
    const begun = this.#from !== undefined;
    this.#from = undefined;
    this.rectangle.setAttribute("d", "");
    return begun;
  }

  /** @param {number[]} box */
  into([left, top, right, bottom]) {
    const { plot } = this;
    plot.frame.zoom = [[plot.value("x", left), plot.value("x", right)], [plot.value("y", bottom), plot.value("y", top)],
      ...plot.frame.ends.slice(2)];
    this.aim(false);
    this.#back.hidden = false;
    plot.redraw();
  }

  /** Back to all of the picture; false if that is what is seen. */
  out() {
    const { frame } = this.plot;
    const zoomed = frame.zoom !== undefined;
    frame.zoom = undefined;
    if (this.#back === document.activeElement) this.#start.focus();
    this.#back.hidden = true;
    if (zoomed) this.plot.redraw();
    return zoomed;
  }

  /**
   * Half of each axis, around a point.
   * @param {number} x
   * @param {number} y
   */
  around(x, y) {
    const { w, h } = this.plot;
    const [left, top] = [clamp(x - w / 4, 0, w / 2), clamp(y - h / 4, 0, h / 2)];
    this.into([left, top, left + w / 2, top + h / 2]);
  }
}
