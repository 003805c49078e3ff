/**
 * From a phrase of the text to the explorer, and back.
 */
import { button } from "./tools.mjs";

/**
 * Bring an element into view; slides, where there is another way to it, prevent the event.
 * @param {Element} node
 * @param {ScrollIntoViewOptions} [how]
 */
function bring(node, how) {
  const event = new CustomEvent("explorer:followed", { bubbles: true, cancelable: true });
  if (node.dispatchEvent(event)) node.scrollIntoView(how);
}

export class Way {
  /** @type {HTMLElement | undefined} the phrase */
  from;
  back = button("Back to the text", () => {
    this.back.hidden = true;
    if (!this.from) return;
    bring(this.from, { block: "center" });
    this.from.focus({ preventScroll: true });
  });

  /**
   * @param {Host} model
   * @param {HTMLElement} root of the explorer
   * @param {Element} picture
   */
  constructor(model, root, picture) {
    this.root = root;
    this.picture = picture;
    this.back.className = "ex-back";
    this.back.hidden = true;
    root.addEventListener("explorer:go", (event) => this.go(/** @type {CustomEvent} */ (event).detail));
    root.dataset.explorer ??= model.get("_spec").name;
    /** @param {MouseEvent} event */
    this.listener = (event) => {
      const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement); // in a shadow tree, too
      if (!link?.getAttribute("href")?.startsWith("#")) return;
      const { explorer, state } = readAddress(link.hash);
      const [name, number = "1"] = explorer.split("-");
      const all = [...document.querySelectorAll(`[data-explorer="${CSS.escape(name)}"]`)];
      if (name !== root.dataset.explorer || all.length && all[Number(number) - 1] !== root) return;
      event.preventDefault();
      const spec = model.get("_spec");
      const now = Object.fromEntries(spec.controls.map(({ name }) => [name, model.get(name)]));
      Object.entries(readState(state, spec, now).values).forEach(([name, value]) => model.set(name, value));
      model.save_changes();
      this.go(link);
    };
    if (!model.link) document.addEventListener("click", this.listener); // a page has its own script for that
  }

  close() {
    document.removeEventListener("click", this.listener);
  }

  /**
   * Bring the explorer into view, unless the reader sees its picture from the phrase.
   * @param {HTMLElement} [from]
   */
  go(from) {
    const { top, bottom, height } = this.picture.getBoundingClientRect();
    if (from && height > 0 && top >= 0 && bottom <= innerHeight) return;
    bring(this.root);
    this.from = from;
    this.back.hidden = !from;
    if (from) this.back.focus({ preventScroll: true });
  }
}
