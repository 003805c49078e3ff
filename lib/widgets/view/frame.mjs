/**
 * The frame: where the axes end. It holds still while a hand moves, so that what is seen to move is the curve.
 */
import { rangeOf } from "./axes.mjs";

const ROOM = 0.25; // share of its length by which an axis grows, at least: a hand that goes on finds room
const FILLED = 0.4; // share of an axis that the numbers must fill, or it is fitted again
export const AXES = /** @type {const} */ (["x", "y", "z"]);

/** A value's place on an axis, to which pixels are proportional. @type {(axis: Axis, value: number) => number} */
export const placeOf = ({ log }, value) => log ? Math.log10(value) : value;

/** The value at a place. @type {(axis: Axis, place: number) => number} */
export const valueAt = ({ log }, place) => log ? 10 ** place : place;

/**
 * The least and the largest number of the curves that each axis can show; Infinity and -Infinity if there is none.
 * @param {Spec} spec
 * @param {Segments[]} curves
 * @returns {Ends[]}
 */
export function extentsOf(spec, curves) {
  const axes = AXES.map((name) => spec[name]);
  const found = axes.map(() => /** @type {Ends} */ ([Infinity, -Infinity]));
  for (const segments of curves) for (const rows of segments) for (const row of rows) {
    for (let i = 0; i < row.length; i++) {
      const at = Math.min(i, spec.z ? 2 : 1); // limits of a band lie along y
      const ends = found[at];
      const value = row[i];
      if (!(Math.abs(value) < Infinity) || axes[at]?.log && value <= 0) continue;
      if (value < ends[0]) ends[0] = value;
      if (value > ends[1]) ends[1] = value;
    }
  }
  return found;
}

/**
 * The ends of an axis moved outwards until they hold what is wanted.
 * @param {Axis} axis
 * @param {Ends} ends
 * @param {Ends} wanted
 * @returns {Ends}
 */
export function grown(axis, [low, high], [down, up]) {
  const [from, to] = [placeOf(axis, low), placeOf(axis, high)];
  const room = ROOM * (to - from);
  const least = down < low ? Math.min(placeOf(axis, down), from - room) : from;
  const most = up > high ? Math.max(placeOf(axis, up), to + room) : to;
  const whole = axis.log // 10 ** -4 is not 1e-4
    ? [Math.floor(least), Math.ceil(most)].map((power) => Number(`1e${power}`)) : rangeOf(axis, [least, most]);
  const limits = axis.limits ?? [-Infinity, Infinity];
  return [down < low ? Math.max(whole[0], limits[0]) : low, up > high ? Math.min(whole[1], limits[1]) : high];
}

/**
 * The ends of an axis at rest: as they are, if what is wanted is inside and fills them well enough.
 * @param {Axis} axis
 * @param {Ends} ends
 * @param {Ends} wanted
 */
export function settled(axis, ends, wanted) {
  const [from, to, low, high] = [...ends, ...wanted].map((value) => placeOf(axis, value));
  const inside = low > from - 1e-9 && high < to + 1e-9;
  return inside && high - low > FILLED * (to - from) ? ends : wanted;
}

export class Frame {
  /** @type {Ends[] | undefined} fitted to the curves */
  #fitted;
  /** @type {Ends[] | undefined} chosen by the reader */
  zoom;
  held = false;

  /** @param {Spec} spec */
  constructor(spec) {
    this.spec = spec;
  }

  /** The ends of each axis. */
  get ends() {
    return this.zoom ?? this.#fitted ?? [];
  }

  /**
   * Hold what is drawn.
   * @param {Segments[]} curves
   * @param {boolean} moving whether the axes may only grow
   * @returns {boolean} whether axes that were at rest are others now
   */
  fit(curves, moving) {
    const before = this.#fitted;
    if (before && (this.held || this.zoom)) return false;
    const extents = extentsOf(this.spec, curves);
    this.#fitted = AXES.flatMap((name, i) => {
      const axis = this.spec[name];
      if (!axis) return [];
      const wanted = rangeOf(axis, extents[i]);
      return [!before ? wanted : (moving ? grown : settled)(axis, before[i], wanted)];
    });
    return before !== undefined && !moving && before.join() !== this.#fitted.join();
  }
}
