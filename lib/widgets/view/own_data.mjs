/**
 * The reader's own data: a file in place of the author's numbers.
 */
import { button, make } from "./tools.mjs";

export class OwnData {
  file = make("input", { type: "file", accept: ".npy,.csv,.tsv,.txt,.dat", "data-lm-suppress-shortcuts": true,
    change: () => this.open(this.file.files?.[0]) });
  back = button("Back to the first data", () => this.open());
  note = make("p", { role: "status" });
  problem = make("p", { class: "ex-problem", role: "alert" });

  /**
   * @param {Host} model
   * @param {string} id
   * @param {(source: string) => void} changed is told the Python expression for other data
   */
  constructor(model, id, changed) {
    this.model = model;
    this.spec = model.get("_spec");
    this.changed = changed;
    this.file.id = `${id}-file`;
    this.note.id = `${id}-data`;
    this.file.setAttribute("aria-describedby", this.note.id);
    this.back.hidden = true;
    this.note.textContent
      = `Samples × features, or a list of eigenvalues: at most 64 MB, and ${this.spec.table} features or samples.`;
    const where = model.link ? "stays on this machine" : "goes to this notebook's kernel";
    const label = make("label", { for: this.file.id }, `Your own data: .npy, .csv or .txt; it ${where}`);
    this.node = make("div", { class: "ex-data" }, label, make("div", { class: "ex-row" }, this.file, this.back),
      this.note, this.problem);
  }

  /**
   * Give the host a file; without one it takes the author's data again.
   * @param {File} [file]
   */
  async open(file) {
    this.problem.textContent = "";
    if (!file) {
      this.file.value = "";
      this.model.send({ do: "open", name: "" });
      return;
    }
    const { name, size } = file;
    if (size > 2 ** 26) { // not even read
      this.hear({ file: name, error: `${name}: has ${Math.ceil(size / 2 ** 20)} MB: must have at most 64 MB` });
      return;
    }
    this.note.textContent = `Reading ${name} …`;
    try {
      const bytes = await file.arrayBuffer();
      this.model.send({ do: "open", name }, undefined, [bytes]);
    } catch (error) { // moved or deleted since it was chosen, or not to be read by this reader
      this.hear({ file: name, error: `${name}: ${error instanceof Error ? error.message : error}` });
    }
  }

  /** @param {FileAnswer} message */
  hear({ file, fraction, words, error, python }) {
    if (error !== undefined) {
      this.problem.textContent = `${error}. The picture is still that of the data before.`;
      this.note.textContent = "";
      return;
    }
    if (fraction < 1) {
      this.note.textContent = `${file}: ${Math.floor(100 * fraction)} %`;
      return;
    }
    this.note.textContent = file ? `${file}: ${words}.` : "The first data again.";
    this.back.hidden = !file;
    this.changed(!file ? this.spec.source : python ?? `lib.realdata.spectrum(${JSON.stringify(file)})`);
  }
}
