/**
 * The presets: a menu of states worth seeing, and what to see in the one that is shown.
 */
import { fill, make } from "./tools.mjs";
import { presetOf } from "./words.mjs";

export class Presets {
  text = make("p", { class: "ex-preset", role: "status" });

  /**
   * @param {Spec} spec
   * @param {string} id
   * @param {(values: Values) => void} choose
   */
  constructor(spec, id, choose) {
    this.spec = spec;
    this.menu = make("select", { id: `${id}-preset`, "data-lm-suppress-shortcuts": true,
      change: () => choose(spec.presets[this.menu.selectedIndex - 1].values) },
    make("option", { value: "", disabled: true }, "choose …"),
    ...spec.presets.map(({ name, title }) => make("option", { value: name }, title)));
    this.node = spec.presets.length ? make("div", { class: "ex-presets" },
      make("div", { class: "ex-row" }, make("label", { for: this.menu.id }, "Worth seeing"), this.menu), this.text) : "";
  }

  /**
   * Say what to see, as long as the state is a preset's.
   * @param {Values} values
   * @param {Record<string, string>} words
   */
  show(values, words) {
    const preset = presetOf(this.spec, values);
    const text = preset ? fill(preset.text, words) : "";
    this.menu.value = preset?.name ?? "";
    if (this.text.textContent !== text) this.text.textContent = text; // else it would be read out again
  }
}
