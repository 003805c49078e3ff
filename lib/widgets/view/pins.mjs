/**
 * Pinned states, which the present one is compared with. Their values are the model's `_pins`, so that Python and links
 * have them; what they show is computed again where it is not known: all but the simulations, which would take too long.
 */
import { SIGNS, button, format, join, make, rich, same } from "./tools.mjs";
import { accepts, said } from "./controls.mjs";
import { rowsOf } from "./output.mjs";
import { told } from "./words.mjs";

/**
 * What sets states apart: for each of them its values of the controls in which they are not all alike.
 * @param {Spec} spec
 * @param {Values[]} states
 * @returns {[control: Control, value: number][][]}
 */
export function differences({ controls }, states) {
  const differ = controls.filter(({ name }) => states.some((values) => values[name] !== states[0][name]));
  return states.map((values) => differ.map((control) => [control, values[control.name]]));
}

/** Whether a curve is a pin's: simulations are not, nor maps, which would cover the picture.
 * @param {Curve} curve
 */
export const pinned = ({ band, style }) => !band && style !== "map";

export class Pins {
  /** @type {Map<string, Decoded | undefined>} what states show, by their values; nothing where there is no answer */
  #known = new Map();
  button = button("Pin this state", () => this.add());
  list = make("ul", { class: "ex-pins", "aria-label": "Pinned states" });
  status = make("p", { class: "ex-status", role: "status" });
  #written = ""; // what the list says

  /**
   * @param {Host} model
   * @param {() => Values} now the state that is shown
   */
  constructor(model, now) {
    this.model = model;
    this.spec = model.get("_spec");
    this.now = now;
  }

  /** @returns {Values[]} */
  get states() {
    return (this.model.get("_pins") ?? []).slice(0, SIGNS.length);
  }

  /** @param {Values[]} states */
  set states(states) {
    this.model.set("_pins", states);
    this.model.save_changes();
  }

  /** @param {Values} values */
  vector(values) {
    return this.spec.controls.map(({ name }) => values[name]);
  }

  /** @param {Values} values */
  shown(values) {
    return this.#known.get(`${this.vector(values)}`);
  }

  add() {
    const now = this.now();
    const { states } = this;
    if (!states.some((values) => same(this.vector(values), this.vector(now)))) this.states = [...states, now];
    this.status.textContent = `Pinned: ${this.states.length} of ${SIGNS.length}.`;
  }

  /** The values of a pin that is still to be computed, in the order in which the kernels take them. */
  missing() {
    return this.states.filter((values) => this.spec.controls.every((control) => accepts(control, values[control.name])))
      .map((values) => this.vector(values)).find((vector) => !this.#known.has(`${vector}`));
  }

  /**
   * Keep the first of what a state shows, before any simulation, if it may become a pin or is one.
   * @param {number[]} vector
   * @param {Decoded} [shown]
   */
  keep(vector, shown) {
    const wanted = [this.vector(this.now()), ...this.states.map((values) => this.vector(values))].map(String);
    if (!this.#known.has(`${vector}`)) this.#known.set(`${vector}`, shown);
    for (const key of this.#known.keys()) {
      if (key !== `${vector}` && !wanted.includes(key)) this.#known.delete(key);
    }
  }

  /** Forget what they show: the data are others. */
  forget() {
    this.#known.clear();
  }

  /** The curves of each pin, in the order of the specification. */
  curves() {
    return this.states.map((values) => this.spec.curves.map((curve, i) =>
      pinned(curve) ? this.shown(values)?.curves[i] ?? [] : []));
  }

  /** Their curves as lines of the CSV file, each named by the curve and what sets the pin apart. */
  csv() {
    const parts = differences(this.spec, [this.now(), ...this.states]);
    return join(this.curves(), (curves, pin) => {
      const state = parts[pin + 1].map(([{ name }, value]) => `${name}=${value}`).join(";");
      return join(this.spec.curves, ({ name }, i) => rowsOf(this.spec, `${name}[${state}]`, curves[i]));
    });
  }

  /** What a pin is called, in words. */
  labels() {
    return differences(this.spec, [this.now(), ...this.states]).slice(1).map((parts) =>
      parts.map(([control, value]) => `${control.symbol} = ${said(control, value)}`).join(", ") || "this state");
  }

  /** What the captions of files and of paper say of them. */
  caption() {
    return join(this.labels(), (label, i) => `; ${SIGNS[i]} ${label}`);
  }

  /**
   * The differences of a read-out from each pin's, as HTML.
   * @param {number} i
   * @param {number} value
   */
  compared(i, value) {
    return join(this.states, (values, pin) => {
      const other = this.shown(values)?.readouts[i] ?? NaN;
      const change = value - other;
      const readout = this.spec.readouts[i];
      return Number.isNaN(other) ? "" : `<small>${SIGNS[pin]} ${told(readout, other)}${
        Number.isNaN(change) || readout.names.length ? "" : ` (${change < 0 ? "" : "+"}${format(change, 2)})`}</small>`;
    });
  }

  /** Write the list, where it has changed: a button in it may have the focus. */
  show() {
    const { states } = this;
    const words = this.labels().map((label, i) =>
      `${SIGNS[i]} ${label}${this.shown(states[i]) ? "" : " (no picture at these values)"}`);
    if (`${words}` === this.#written) return;
    this.#written = `${words}`;
    this.button.disabled = states.length >= SIGNS.length;
    this.list.replaceChildren(...words.map((word, i) => {
      const label = make("span");
      label.innerHTML = rich(word);
      const away = button("Remove", () => {
        this.states = this.states.filter((_, other) => other !== i);
        this.button.focus();
      });
      away.setAttribute("aria-label", `Remove pin ${i + 1}`);
      return make("li", {}, label, away);
    }));
  }
}
