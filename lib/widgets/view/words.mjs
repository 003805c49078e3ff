/**
 * What the explorer says: captions, sentences, programs, names of files.
 */
import { fill, format, join } from "./tools.mjs";
import { said } from "./controls.mjs";

/** @type {(readout: Readout, value: number) => string} */
export const told = ({ names, digits }, value) => names[value] ?? format(value, digits);

/**
 * Values and read-outs by name, as a message has them.
 * @param {Spec} spec
 * @param {Values} values
 * @param {Decoded} [state]
 * @returns {Record<string, string>}
 */
export function wordsOf({ controls, readouts }, values, state) {
  return Object.fromEntries([
    ...controls.map((control) => [control.name, said(control, values[control.name])]),
    ...readouts.map((readout, i) => [readout.name, told(readout, state?.readouts[i] ?? NaN)]),
  ]);
}

/**
 * The sentences that a run's status stands for; "" where there is nothing to say.
 * @param {Spec} spec
 * @param {number} status
 * @param {Record<string, string>} words
 */
export function sentenceOf({ messages }, status, words) {
  const said = Object.entries(messages).filter(([key]) =>
    Number(key) === status || (Math.min(Number(key), status) > 0 && (Number(key) & status)));
  return fill(said.map(([, sentence]) => sentence).join(" "), words);
}

/**
 * The controls' values in one line.
 * @param {Spec} spec
 * @param {Values} values
 */
export function captionOf({ controls }, values) {
  return controls.map((control) => `${control.symbol} = ${said(control, values[control.name])}`).join(", ");
}

/**
 * The read-outs as they are shown: one that is another's error stands behind that.
 * @param {Spec} spec
 * @param {number[]} values of the read-outs
 */
export function numbersOf({ readouts }, values) {
  const errors = readouts.map(({ error }) => readouts.findIndex(({ name }) => name === error));
  /** @param {number} i */
  const number = (i) => told(readouts[i], values[i]);
  return readouts.flatMap(({ label, headline }, i) => errors.includes(i) ? [] : [{ at: i, label, headline,
    words: Number.isNaN(values[errors[i]] ?? NaN) ? number(i) : `${number(i)} ± ${number(errors[i])}` }]);
}

/**
 * The read-outs in one line, and the notice.
 * @param {Spec} spec
 * @param {Pick<Picture, "readouts" | "notice">} shown
 */
export function summaryOf(spec, { readouts, notice }) {
  return join(numbersOf(spec, readouts), ({ label, words }) => `${label}: ${words}. `) + notice;
}

/**
 * The preset whose state this is.
 * @param {Spec} spec
 * @param {Values} values
 */
export function presetOf({ presets }, values) {
  return presets.find((preset) => Object.entries(preset.values).every(([name, value]) => values[name] === value));
}

/**
 * What a screen reader hears of a picture: the headline, or every number where none is one, and the notice.
 * @param {Spec} spec
 * @param {Pick<Picture, "readouts" | "notice">} shown
 */
export function headlineOf(spec, { readouts, notice }) {
  const numbers = numbersOf(spec, readouts);
  const some = numbers.filter(({ headline }) => headline);
  return `${(some.length ? some : numbers).map(({ label, words }) => `${label}: ${words}`).join(", ")}. ${notice}`.trim();
}

/**
 * The program that gives the same numbers: named choices by name, numbers with all their digits.
 * @param {Spec} spec
 * @param {Values} values
 * @param {string} source Python expression for the data
 */
export function programOf({ python, controls }, values, source) {
  const words = controls.map((control) => [control.name,
    control.choice_labels.length ? said(control, values[control.name]) : values[control.name]]);
  return fill(python, { ...Object.fromEntries(words), data: source });
}

/**
 * Name of a file, without its ending.
 * @param {Spec} spec
 * @param {Values} values
 */
export function stemOf({ name }, values) {
  return [name, ...Object.entries(values).map((pair) => pair.join("="))].join("_");
}
