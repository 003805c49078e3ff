/**
 * The plane of two controls: all their values at a glance, and a dot that shows and sets both.
 */
import { clamp, closest, drawn, join, make, round, shape } from "./tools.mjs";
import { makeAxis } from "./axes.mjs";
import { positionsOf, said } from "./controls.mjs";
import { text } from "./looks.mjs";

const [WIDTH, HEIGHT] = [320, 240]; // of the drawing, in its own units
const INSET = { left: 30, right: 6, top: 6, bottom: 36 };
const [W, H] = [WIDTH - INSET.left - INSET.right, HEIGHT - INSET.top - INSET.bottom];

/** @type {(control: Control, length: number) => Scale} */
const axisOf = ({ minimum, maximum }, length) =>
  makeAxis({ label: "", log: false, limits: null }, [minimum, maximum], length, 40);

/**
 * What stands in the plane whatever the values are, as SVG inside its frame.
 * @param {Plane} plane
 * @param {Control} across
 * @param {Control} up
 */
export function marksOf({ marks }, across, up) {
  const [x, y] = [axisOf(across, W), axisOf(up, H)];
  /** @type {(point: [number, number]) => [number, number]} */
  const at = ([a, b]) => [round(W * x.map(a), 4), round(H * (1 - y.map(b)), 4)];
  const lines = join(marks.filter(({ kind }) => kind === "area" || kind === "border"), ({ kind, points }) =>
    `<path class="ex-${kind}" d="M${join(points, (point, i) => `${i ? "L" : ""}${at(point).join(" ")}`)}"/>`);
  const words = join(marks, ({ kind, label, points }) => {
    const [right, low] = at(points[points.length - 1]);
    if (kind === "region") return `<g class="ex-region">${text(right, low, drawn(label), "middle")}</g>`;
    const late = right > 0.8 * W; // a line's name stands at its end, inside the frame
    const place = text(right + (late ? -3 : 5), low < 14 ? low + 13 : low - 4, drawn(label), late ? "end" : "start");
    const dots = kind === "point" ? points.map(at) : [];
    return `${join(dots, ([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="2.5"/>`)}${place}`;
  });
  return { lines, words };
}

/** The plane of an experiment, if it has one. */
export class PlaneView {
  /** @type {HTMLElement | string} */
  node = "";
  #dot = shape("circle", { r: 6, class: "ex-dot" });
  /** @type {(values: Values) => void} */
  show = () => {};

  /**
   * @param {Spec} spec
   * @param {(changes: Values) => void} propose
   */
  constructor({ plane, controls }, propose) {
    const [across, up] = [plane?.x, plane?.y].map((name) => controls.find((control) => control.name === name));
    if (!plane || !across || !up) return;
    const [x, y] = [axisOf(across, W), axisOf(up, H)];
    const { lines, words } = marksOf(plane, across, up);
    const picture = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", "font-size": 12 });
    const frame = shape("g", { transform: `translate(${INSET.left} ${INSET.top})` });
    frame.innerHTML = `<svg width="${W}" height="${H}" overflow="hidden">${lines}</svg><path class="ex-frame" d="M0 0H${
      W}V${H}H0z"/>${words}${
      join(x.ticks, ([value, label]) => text(round(W * x.map(value), 4), H + 15, label, "middle"))}${
      join(y.ticks, ([value, label]) => text(-5, round(H * (1 - y.map(value)) + 4, 4), label, "end"))}${
      text(W, H + 31, drawn(`${across.symbol}, ${across.label}`), "end")}${text(5, 14, drawn(up.symbol))}`;
    frame.append(this.#dot);
    picture.append(frame);
    /** @type {(control: Control, share: number) => Values} */
    const taken = (control, share) => {
      const value = control.minimum + clamp(share, 0, 1) * (control.maximum - control.minimum);
      const positions = positionsOf(control);
      return { [control.name]: positions[closest(positions, (other) => Math.abs(other - value))] };
    };
    const toFrame = () => /** @type {SVGGElement} */ (frame).getScreenCTM()?.inverse();
    /** @param {PointerEvent} event */
    const move = (event) => {
      if (event.type === "pointermove" && !node.hasPointerCapture(event.pointerId)) return;
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(toFrame());
      propose({ ...taken(across, place.x / W), ...taken(up, 1 - place.y / H) });
    };
    // a keyboard has the two sliders under it
    const node = this.node = make("div", { class: "ex-plane", role: "img", pointermove: move,
      pointerdown: (/** @type {PointerEvent} */ event) => {
        node.setPointerCapture(event.pointerId);
        move(event);
      } }, picture);
    this.show = (values) => {
      const [a, b] = [values[plane.x], values[plane.y]];
      this.#dot.setAttribute("cx", `${round(W * x.map(a), 5)}`);
      this.#dot.setAttribute("cy", `${round(H * (1 - y.map(b)), 5)}`);
      node.setAttribute("aria-label", `${plane.label}. The dot is at ${across.symbol} = ${said(across, a)}, ${
        up.symbol} = ${said(up, b)}; the sliders move it.`);
    };
  }
}
