/**
 * How curves look: lines, markers, colours of maps, as SVG.
 */
import { join, round } from "./tools.mjs";

/** @type {Record<string, string[]>} */
const DASHES = { line: ["", "14 3 3 3"], dashed: ["7 4", "12 4"], dotted: ["2 4", "2 8"], points: [""] };
const MARKERS = [ // by colour, as in picture.py
  "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0", "m-3-3h6v6h-6z", "m0-4l3.8 7h-7.6z", "m0-4l4 4l-4 4l-4-4z",
  "m0 4l3.8-7h-7.6z", "m-4 0l7-3.8v7.6z", "m-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3z",
];
const RAMP = [[0, 20, 60], [0, 114, 178], [86, 180, 233], [255, 250, 190]]; // from dark to light: a map's colours
/** Of words over curves and maps. */
export const OVER = { fill: "currentColor", stroke: "var(--ex-halo)", "stroke-width": 3, "paint-order": "stroke" };
export const SHADES = 24; // in which a map is drawn

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
export const stroke = ({ ink, dash, marker }, path, width = 2) => `<path d="${path}" ${marker ? `fill="${ink}"`
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
