/**
 * Axes: where they end and what their ticks say.
 */
import { clamp, format, round } from "./tools.mjs";

export const MARGIN = { left: 48, right: 14, top: 28, bottom: 46 }; // around the axes, in pixels

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
 * @returns {Ends}
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
  return [clamp(ends[0], least, most), clamp(ends[1], least, most)];
}

/**
 * Lay out an axis.
 * @param {Axis} spec
 * @param {number[]} ends
 * @param {number} length of the axis, in pixels
 * @param {number} spacing of its labels, in pixels, at least
 * @returns {Scale}
 */
export function makeAxis(spec, [low, high], length, spacing) {
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
