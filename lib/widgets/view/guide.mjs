/**
 * The guide: a triangle with the law's slope, beside the curve that should have it.
 */
import { drawn, format, round, shape } from "./tools.mjs";
import { OVER } from "./looks.mjs";

const STRETCH = [0.35, 0.6]; // of the curve's width that the guide goes along
const LIFT = 16; // pixels between the two

/**
 * The guide's ends, in pixels: a stretch of a straight line that has all points of the curve there on one side; on the
 * other one where that side has no room.
 * @param {number[][]} points of the curve inside the axes, from left to right, in pixels
 * @param {number} slope in pixels, downwards positive
 * @param {number} height of the axes
 * @param {boolean} [below] whether it lies below the curve rather than above
 * @returns {{ ends: [left: number, from: number, right: number, to: number], below: boolean } | undefined}
 */
export function guideOf(points, slope, height, below = false) {
  if (points.length < 2 || !Number.isFinite(slope)) return undefined;
  const [first, last] = [points[0][0], points[points.length - 1][0]];
  const [left, right] = STRETCH.map((share) => first + share * (last - first));
  const starts = points.filter(([x]) => x >= left && x <= right).map(([x, y]) => y - slope * x);
  if (!starts.length) return undefined;
  /** @param {boolean} below */
  const lie = (below) => {
    const start = below ? Math.max(...starts) + LIFT : Math.min(...starts) - LIFT;
    const [from, to] = [start + slope * left, start + slope * right];
    const ends = /** @type {[number, number, number, number]} */ ([left, from, right, to]);
    return { ends, below, fits: Math.min(from, to) > 0 && Math.max(from, to) < height };
  };
  const wished = lie(below);
  return wished.fits ? wished : lie(!below);
}

/** Whether a guide or handle belongs to these values. @type {(aid: Guide | Handle, values: Values) => boolean} */
export const applies = ({ when }, values) => !when || when[1].includes(values[when[0]]);

export class GuideView {
  #path = shape("path", { fill: "currentColor", "fill-opacity": 0.06, stroke: "currentColor", "stroke-opacity": 0.55 });
  #label = shape("text", OVER);
  #said = "";
  node = shape("g", {}, this.#path, this.#label);

  /**
   * @param {import("./plot.mjs").Plot} plot
   * @param {Guide} guide
   * @param {boolean} below whether it lies below its curve
   */
  constructor(plot, guide, below) {
    this.plot = plot;
    this.below = below;
    this.guide = guide;
  }

  /** @param {Values} numbers read-outs and controls */
  draw(numbers) {
    const { plot, guide } = this;
    const { w, h } = plot;
    const slope = applies(guide, numbers) ? guide.offset + guide.factor * numbers[guide.number] : NaN;
    const curve = plot.visible.find(({ name }) => name === guide.curve);
    const points = (curve?.segments ?? []).flatMap((rows) => rows.map(([x, y]) => [plot.x(x), plot.y(y)]))
      .filter(([x, y]) => x >= 0 && x <= w && y >= 0 && y <= h);
    const guided = guideOf(points, -slope * plot.steepness, h, this.below);
    this.node.setAttribute("display", guided ? "inline" : "none");
    if (!guided) return;
    const [left, from, right, to] = guided.ends.map(Math.round);
    const onLeft = guided.below === (to > from); // the right angle is on the side away from the curve
    this.#path.setAttribute("d", `M${left} ${from}L${right} ${to}${onLeft ? `H${left}` : `V${from}`}z`);
    const words = `${guide.label && `${guide.label} = `}${format(round(slope, 3))}`;
    if (words !== this.#said) this.#label.innerHTML = drawn(this.#said = words);
    const length = 7.5 * words.length; // a letter of 13 pixels is about that wide
    const beside = onLeft ? left - 6 > length : right + 6 + length < w;
    const place = beside ? { x: onLeft ? left - 6 - length : right + 6, y: (from + to) / 2 + 4 }
      : { x: onLeft ? Math.max(4, right - length) : Math.min(left, w - 4 - length),
        y: guided.below ? Math.max(from, to) + 15 : Math.max(12, Math.min(from, to) - 6) };
    for (const [name, value] of Object.entries(place)) this.#label.setAttribute(name, `${value}`);
  }
}
