/**
 * What a run gives, by name.
 */
import { join } from "./tools.mjs";

/**
 * Name the parts of an output by the places that the specification gives.
 * @param {Spec} spec
 * @param {Float64Array} output
 * @returns {Decoded}
 */
export function decode(spec, output) {
  return {
    readouts: spec.readouts.map(({ start }) => output[start]),
    curves: spec.curves.map(({ start, points, columns }) => {
      const blocks = columns.map((_, i) => output.subarray(start + i * points, start + (i + 1) * points));
      return segmentsOf(columns, blocks);
    }),
    panels: spec.panels.map(({ start, along, rows, columns }) => {
      const curve = /** @type {Curve} */ (spec.curves.find(({ name }) => name === along));
      const times = [0, ...output.subarray(curve.start, curve.start + curve.points)];
      return { times, values: output.subarray(start, start + times.length * rows.length * columns.length) };
    }),
  };
}

/**
 * The stretches of a curve without a gap: a point that lacks x, y or, on a map, its value is a gap.
 * @param {string[]} columns
 * @param {ArrayLike<number>[]} blocks one per column
 * @returns {Segments}
 */
export function segmentsOf(columns, blocks) {
  const needed = columns.includes("value") ? 3 : 2;
  /** @type {Segments} */
  const segments = [[]];
  for (let i = 0; i < blocks[0].length; i++) {
    const row = blocks.map((block) => block[i]);
    if (row.slice(0, needed).some(Number.isNaN)) segments.push([]);
    else segments[segments.length - 1].push(row);
  }
  return segments.filter((rows) => rows.length);
}

/**
 * What the columns of a curve are called.
 * @param {Spec} spec
 * @param {Curve} curve
 */
export function heads({ x, y, z }, { columns }) {
  /** @type {Record<string, string | undefined>} */
  const labels = { x: x.label, y: y.label, value: z?.label };
  return columns.map((column) => labels[column] ?? column);
}

/** @type {(spec: Spec) => string[]} */
const columnsOf = ({ z }) => ["x", "y", ...z ? ["value"] : ["lower", "upper"]];

/**
 * A curve as lines of CSV.
 * @param {Spec} spec
 * @param {string} name
 * @param {Segments} segments
 */
export const rowsOf = (spec, name, segments) => join(segments.flat(), (row) =>
  `${[name, ...columnsOf(spec).map((_, i) => row[i] ?? "")]}\n`);

/**
 * All curves as CSV, and each number of a panel as one more.
 * @param {Spec} spec
 * @param {Decoded} state
 */
export const csvOf = (spec, { curves, panels }) => `${["curve", ...columnsOf(spec)]}\n`
  + join(spec.curves, ({ name }, i) => rowsOf(spec, name, curves[i]))
  + join(spec.panels, ({ name, rows, columns }, p) => join(rows, (row, i) => join(columns, (column, j) =>
    rowsOf(spec, `${name} ${row} ${column}`, segmentsOf(["x", "y"], [panels[p].times, panels[p].times.map((_, n) =>
      panels[p].values[(n * rows.length + i) * columns.length + j])])))));
