/**
 * The controls: a slider with a box, or a menu.
 */
import { clamp, closest, format, make, rich, round } from "./tools.mjs";
import { niceStep } from "./axes.mjs";

/**
 * The values at the positions of a control's slider.
 * @param {Control} control
 * @returns {number[]}
 */
export function positionsOf(control) {
  const { minimum, maximum, scale, choices } = control;
  if (choices.length) return choices;
  const log = scale === "log";
  const span = log ? Math.log(maximum / minimum) : maximum - minimum;
  const step = log ? span / 200 : scale === "integer" ? 1 : niceStep(span / 200);
  /** @param {number} i */
  const at = (i) => log ? round(minimum * Math.exp(i * step), 3) : round(minimum + i * step, 12);
  const positions = Array.from({ length: Math.round(span / step) + 1 }, (_, i) => clamp(at(i), minimum, maximum));
  for (const tick of ticksOf(control)) positions[stepOf(positions, tick)] = tick;
  return positions;
}

/**
 * The values that a slider marks: on a logarithmic scale 1, 2 and 5 times the powers of ten.
 * @param {Control} control
 * @returns {number[]}
 */
export function ticksOf({ minimum, maximum, scale, choices }) {
  if (scale !== "log" || choices.length) return [];
  const powers = Array.from({ length: Math.ceil(Math.log10(maximum / minimum)) + 1 },
    (_, i) => Math.floor(Math.log10(minimum)) + i);
  return powers.flatMap((power) => [1, 2, 5].map((factor) => Number(`${factor}e${power}`)))
    .filter((value) => value >= minimum && value <= maximum);
}

/** @type {(positions: number[], value: number) => number} */
const stepOf = (positions, value) => closest(positions, (other) => Math.abs(other - value));

/** @type {(control: Control, value: number) => boolean} */
export const accepts = ({ minimum, maximum, scale, choices }, value) => choices.length ? choices.includes(value)
  : value >= minimum && value <= maximum && (scale !== "integer" || Number.isInteger(value));

/** @type {(control: Control, value: number) => string} */
export const said = ({ choices, choice_labels }, value) => choice_labels[choices.indexOf(value)] ?? format(value);

/**
 * The values with ordered controls in order: the one that was changed pushes the other, and gives way itself where
 * that is at its end.
 * @param {Pick<Spec, "controls" | "ordered">} spec
 * @param {Values} values of all controls
 * @param {Values} changed those that were changed
 */
export function settle({ controls, ordered }, values, changed) {
  const settled = { ...values };
  for (const { low, high, ratio, gap } of ordered) {
    /** @param {string} name */
    const positions = (name) => controls.filter((control) => control.name === name).flatMap(positionsOf);
    /** @type {(first: number, last: number) => boolean} */
    const fits = (first, last) => last >= (ratio * first + gap) * (1 - 1e-9);
    const raise = () => {
      const all = positions(high);
      settled[high] = all.find((last) => fits(settled[low], last)) ?? all[all.length - 1];
    };
    const lower = () => {
      const [least, ...others] = positions(low);
      settled[low] = others.filter((first) => fits(first, settled[high])).pop() ?? least;
    };
    for (const push of high in changed && !(low in changed) ? [lower, raise] : [raise, lower]) {
      if (!fits(settled[low], settled[high])) push();
    }
  }
  return settled;
}

/**
 * A control: its `node`; `show` puts a value into it, `refuse` says why one is not taken.
 * @param {Control} control
 * @param {string} id
 * @param {(value: number) => void} change
 * @returns {ControlView}
 */
export function makeControl(control, id, change) {
  const name = `${control.symbol}, ${control.label}`;
  const label = make("label", { for: id });
  label.innerHTML = `<i>${rich(control.symbol)}</i> ${rich(control.label)}`;
  const problem = make("p", { class: "ex-problem", role: "alert", id: `${id}-problem` });
  const why = `Give ${control.range}.`;
  const quiet = { "data-lm-suppress-shortcuts": true }; // else JupyterLab takes the arrow keys
  if (control.choice_labels.length) {
    const options = control.choices.map((value, i) => make("option", { value }, control.choice_labels[i]));
    const menu = make("select", { id, ...quiet, change: () => change(Number(menu.value)) }, ...options);
    return {
      node: make("div", { class: "ex-control" }, label, menu, problem),
      show(value) { menu.value = `${value}`; problem.textContent = ""; },
      refuse() { problem.textContent = why; },
    };
  }
  const positions = positionsOf(control);
  const slider = make("input", { type: "range", id, min: 0, max: positions.length - 1, step: 1, ...quiet,
    list: `${id}-ticks`, input: () => change(positions[Number(slider.value)]),
    dblclick: () => change(control.default) });
  label.title = `Double click on the slider: back to ${said(control, control.default)}`;
  const ticks = make("datalist", { id: `${id}-ticks` },
    ...ticksOf(control).map((tick) => make("option", { value: stepOf(positions, tick) })));
  const typed = () => {
    const [value, doubt] = readNumber(box.value);
    if (doubt) put(NaN, `${doubt}.`);
    else change(value);
  };
  const box = make("input", { inputmode: "decimal", autocomplete: "off", ...quiet,
    "aria-label": `${name}: type a number`, "aria-describedby": problem.id, change: typed });
  /** @type {(value: number, why: string) => void} */
  const put = (value, why) => {
    if (!Number.isNaN(value)) box.value = `${value}`;
    box.setAttribute("aria-invalid", `${why !== ""}`);
    problem.textContent = why;
  };
  return {
    node: make("div", { class: "ex-control" }, label, make("div", { class: "ex-row" }, slider, box), ticks, problem),
    show(value) {
      slider.value = `${stepOf(positions, value)}`;
      slider.setAttribute("aria-valuetext", said(control, value));
      put(value, "");
    },
    refuse: (value) => put(value, why),
  };
}
