/**
 * The explorer: controls, picture and numbers of an experiment (experiment.py), as an anywidget module; comes after
 * number.js, whose function it calls. Its host is the `model`: in Jupyter the Python object's (explorer.py), on a page
 * a worker's (page.js).
 *
 * Traits: `_spec`, the experiment as data, and one number for every control.
 * To the host: {do: "start", values} computes what is immediate and drops the previous run;
 * {do: "resume"} and {do: "pause"} carry the long part on and halt it, nothing being lost.
 * From the host: {values, status, fraction} with the output as a buffer of doubles, or {values, error}.
 * If the experiment takes the reader's data: {do: "open", name} with the file as a buffer, without one for the author's
 * data again. From the host: {file, fraction} on the way, {file, fraction: 1, words}, or {file, error}; `python` says
 * what the data is where Python gave it.
 *
 * Its parts are the modules of this folder, which lib.widgets.page.bundle joins to one.
 */
import { button, copy, download, format, join, make, pngOf, rich, same } from "./tools.mjs";
import { csvOf, decode, heads } from "./output.mjs";
import { accepts, makeControl, settle } from "./controls.mjs";
import { captionOf, headlineOf, numbersOf, programOf, sentenceOf, stemOf, summaryOf, wordsOf } from "./words.mjs";
import { swatch } from "./looks.mjs";
import { Plot } from "./plot.mjs";
import { Hand } from "./hand.mjs";
import { History } from "./history.mjs";
import { Run } from "./run.mjs";
import { OwnData } from "./own_data.mjs";
import { Presets } from "./presets.mjs";
import { Pins } from "./pins.mjs";
import { Way } from "./links.mjs";
import { Network } from "./network.mjs";
import { PlaneView } from "./plane.mjs";
import { Play } from "./play.mjs";

const COMPUTING = "Computing …";
const WINDOW = "Whole window";
const HUSH = 400; // ms that the controls must rest before their picture is said

export default {
  /** @param {{ model: Host, el: HTMLElement }} given */
  render({ model, el }) {
    const explorer = new Explorer(model, el);
    return () => explorer.close();
  },
};

class Explorer {
  /** @type {string[]} controls whose values the host has changed since they were taken from it */
  changed = [];
  /** @type {Picture | undefined} the newest good one */
  shown;
  told = 0; // when the run began of which a screen reader has heard
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  telling;
  painted = false; // in this frame of the screen; what comes later is drawn in the next

  // Parts of the page that change
  problem = make("p", { class: "ex-problem", role: "alert" });
  notice = make("span");
  dismissed = 0; // status of the notice that the reader has put away
  noticeBox = make("p", { class: "ex-notice", hidden: true }, make("button", { type: "button",
    "aria-label": "Put this notice away", click: () => {
      this.dismissed = this.shown?.status ?? 0;
      this.noticeBox.hidden = true;
      this.plot.cursor.reader.focus();
    } }, "×"), this.notice);
  meter = make("progress", { max: 1, value: 0, "aria-label": "Simulation done" });
  percent = make("span", { class: "ex-percent" });
  stop = button("Stop", () => {
    if (this.run.going) this.run.pause();
    else this.run.resume();
    this.progress();
  });
  progressRow = make("div", { class: "ex-row", hidden: true }, this.meter, this.percent, this.stop);
  undo = button("Undo", () => this.travel(-1));
  redo = button("Redo", () => this.travel(1));
  headline = make("dl", { class: "ex-readouts simple" }); // "simple": without the margins of Sphinx
  readouts = make("dl", { class: "ex-readouts simple" });
  /** @type {HTMLElement[]} of the legend, one for each curve */
  entries = [];
  /** @type {HTMLDetailsElement | undefined} the controls that are folded */
  more;
  /** @type {HTMLElement[]} of the read-outs, and what they say */
  numbers = [];
  /** @type {string[]} */
  said = [];
  code = make("code");
  python = make("details", {}, make("summary", {}, "Python that gives this"),
    make("pre", { tabindex: 0 }, this.code), button("Copy", ({ target }) => {
      getSelection()?.selectAllChildren(this.code);
      copy(target, this.code.textContent ?? "", "Selected: press Ctrl+C");
    }));
  rows = make("div", { class: "ex-table", tabindex: 0 });
  table = make("details", { toggle: () => this.tabulate() }, make("summary", {}, "Table of the curves"), this.rows);
  status = make("p", { class: "ex-status", role: "status", "aria-live": "polite" });
  windowButton = button(WINDOW, () => this.toWindow());
  print = make("p", { class: "ex-print" }); // on paper, in place of the controls

  /**
   * @param {Host} model
   * @param {HTMLElement} root
   */
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.spec = model.get("_spec");
    this.source = this.spec.source;
    /** @type {Values} */
    this.values = Object.fromEntries(this.spec.controls.map(({ name }) => [name, model.get(name)]));
    const id = `explorer-${Math.random().toString(36).slice(2)}`; // two views may stand in one document
    this.controls = Object.fromEntries(this.spec.controls.map((control, i) => [control.name,
      makeControl(control, `${id}-${i}`, (value) => this.propose({ [control.name]: value }))]));
    this.data = this.spec.table ? new OwnData(model, id, (source) => this.take(source)) : undefined;
    this.presets = new Presets(this.spec, id, (values) => this.propose(values));
    this.pins = new Pins(model, () => this.shown?.values ?? this.values);
    this.plot = new Plot(this.spec, this.values, (changes) => this.propose(changes));
    this.plane = new PlaneView(this.spec, (changes) => this.propose(changes));
    this.history = new History(this.vector());
    this.network = new Network(this.spec);
    this.plot.node.addEventListener("explorer:read", (/** @type {any} */ { detail }) =>
      this.network.read(detail ?? undefined));
    this.play = new Play(this.spec, this.plot.cursor, (name) => this.values[name], (values) => this.propose(values),
      () => this.draw(false));
    this.picture = root.querySelector(".explorer-picture"); // stays until there is a live one
    this.way = new Way(model, root, this.plot.node);
    this.build();
    /** @type {[event: string, listener: () => void][]} */
    this.listeners = [
      ...this.spec.controls.map(({ name }) => /** @type {[string, () => void]} */ (
        [`change:${name}`, () => this.changed.push(name) === 1 && queueMicrotask(() => this.pull())])),
      ["change:_pins", () => {
        this.draw();
        if (this.pins.missing()) this.compute(); // else a simulation goes on
      }],
      ["change:_hidden", () => this.draw()],
      ["change:_more", () => { if (this.more) this.more.open = model.get("_more") ?? false; }],
    ];
    this.listeners.forEach(([event, listener]) => model.on(event, listener));
    this.run = new Run(model, (message, output) => {
      if (!("file" in message)) this.hear(message, output);
      else if (this.data) this.data.hear(message);
      else if (message.error === undefined) this.take(message.python ?? this.spec.source); // set from Python
    }, (late) => this.wait(late));
    this.compute();
    this.hand = new Hand(root, () => this.draw(false));
    this.observer = new ResizeObserver(() => this.plot.resized && this.draw());
    this.observer.observe(this.plot.node);
  }

  close() {
    this.observer.disconnect();
    this.hand.close();
    this.play.close();
    this.run.close();
    this.way.close();
    this.listeners.forEach(([event, listener]) => this.model.off(event, listener));
  }

  /** The values in the order in which the kernels take them. */
  vector() {
    return this.spec.controls.map(({ name }) => this.values[name]);
  }

  /** The names of the curves that are not drawn. */
  get hidden() {
    return new Set(this.model.get("_hidden") ?? []);
  }

  // --- What is on the page

  build() {
    const { spec, root, model } = this;
    this.entries = spec.curves.map((curve, i) => this.toggle(curve, this.plot.looks[i]));
    // over the picture: in sight wherever that is, and what stands below stays in its place
    this.plot.svg.after(make("div", { class: "ex-message" }, this.problem, this.noticeBox));
    const folded = spec.controls.filter(({ more }) => more);
    if (folded.length) {
      const summary = make("summary");
      summary.innerHTML = `More: ${join(folded, ({ symbol }, i) => `${i ? ", " : ""}<i>${rich(symbol)}</i>`)}`;
      this.more = make("details", { class: "ex-more", toggle: ({ target }) => {
        model.set("_more", target.open);
        model.save_changes();
      } }, summary, this.grid(folded));
      this.more.open = model.get("_more") ?? false;
    }
    // What stays in sight, what is moved, and what comes after; beside each other where there is room (explorer.css).
    const stage = make("div", { class: "ex-stage" },
      make("div", { class: "ex-view" }, this.picture ?? "", this.plot.node,
        make("div", { class: "ex-bar" }, this.headline, this.progressRow)),
      make("div", { class: "ex-legend", role: "group", "aria-label": "Curves shown" },
        ...this.entries), this.pins.list);
    const hand = make("div", { class: "ex-hand", role: "group", "aria-label": "Controls" },
      this.presets.node, this.plane.node, this.grid(spec.controls.filter(({ more }) => !more)), this.play.node, this.network.node,
      this.more ?? "", this.data?.node ?? "", this.readouts);
    const body = make("div", { class: "ex-body" },
      make("div", { class: "ex-head" }, make("p", { class: "ex-title" }, spec.title), this.way.back, this.windowButton),
      this.print, stage, hand,
      make("div", { class: "ex-foot" }, this.tools(), spec.python ? this.python : "", this.table, this.status));
    root.classList.add("explorer");
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", spec.title);
    root.append(body);
    root.addEventListener("keydown", (event) => this.key(event));
    for (const type of ["dragover", "dragleave", "drop"]) {
      root.addEventListener(type, (event) => this.drop(/** @type {DragEvent} */ (event)));
    }
    for (const [name, value] of Object.entries(this.values)) this.controls[name].show(value);
    this.plane.show(this.values);
    for (const step of [this.undo, this.redo]) step.setAttribute("aria-disabled", "true");
    this.numbers = numbersOf(spec, spec.readouts.map(() => NaN)).map(({ label, headline }) => {
      const [term, number] = [make("dt"), make("dd")];
      term.innerHTML = rich(label);
      (headline ? this.headline : this.readouts).append(make("div", {}, term, number));
      return number;
    });
  }

  /** @param {Control[]} controls */
  grid(controls) {
    return make("div", { class: "ex-controls" }, ...controls.map(({ name }) => this.controls[name].node));
  }

  /**
   * Over the whole window, and back into the page. A modal dialog keeps the focus inside, ends at Escape, and lies over
   * everything whatever the page around it is.
   */
  toWindow() {
    const { root } = this;
    const [dialog, body] = [root.querySelector("dialog"), root.querySelector(".ex-body")];
    if (dialog || !body) return dialog?.close();
    const whole = make("dialog", { class: "ex-window", "aria-label": this.spec.title,
      "data-lm-suppress-shortcuts": true, close: () => {
        whole.replaceWith(body);
        this.windowButton.textContent = WINDOW;
        this.windowButton.focus();
      } });
    root.append(whole);
    whole.append(body);
    this.windowButton.textContent = "Back to the page";
    whole.showModal();
    this.windowButton.focus();
  }

  /** The buttons under the read-outs. */
  tools() {
    const { spec, model } = this;
    const defaults = Object.fromEntries(spec.controls.map((control) => [control.name, control.default]));
    /** @type {(ending: string, type: string, content: (shown: Picture) => string | Promise<Blob | null>) => void} */
    const save = async (ending, type, content) => {
      if (!this.shown) return;
      const stem = stemOf(spec, this.shown.values);
      const file = await content(this.shown);
      if (file) download(`${stem}.${ending}`, type, file);
    };
    /** @param {Picture} shown */
    const svg = ({ values }) => this.plot.file(captionOf(spec, values) + this.pins.caption());
    const tools = make("div", { class: "ex-tools" }, button("Reset", () => this.propose(defaults)),
      this.undo, this.redo, this.pins.button,
      this.pins.status,
      button("Data (CSV)", () => save("csv", "text/csv", (shown) =>
        csvOf(spec, shown) + this.pins.csv())),
      button("Picture (SVG)", () => save("svg", "image/svg+xml", svg)),
      button("Picture (PNG)", () => save("png", "image/png", (shown) => pngOf(svg(shown)))));
    if (model.link) { // only a page has an address for a state
      tools.append(button("Copy link to this state", ({ target }) =>
        copy(target, model.link?.() ?? "", "It is in the address bar")));
    }
    return tools;
  }

  /**
   * The legend's entry of a curve, which hides and shows it.
   * @param {Curve} curve
   * @param {Look} look
   */
  toggle({ name, label }, look) {
    const entry = make("button", { type: "button", "aria-pressed": true, click: () => {
      const { hidden } = this;
      if (!hidden.delete(name)) hidden.add(name);
      this.model.set("_hidden", [...hidden]);
      this.model.save_changes();
    } });
    const picture = `<svg width="28" height="14" aria-hidden="true">${swatch(look, 7)}</svg>`;
    entry.innerHTML = `${picture}<span>${rich(label)}</span>`;
    return entry;
  }

  // --- From controls to numbers

  /** Take what the host has changed, all at once. */
  pull() {
    const news = this.changed.splice(0).map((name) => [name, this.model.get(name)]);
    const changes = Object.fromEntries(news.filter(([name, value]) => value !== this.values[name]));
    this.propose(changes, false);
  }

  /** Compute the present state, and before it pinned ones that are not known. */
  compute() {
    this.run.start(this.pins.missing() ?? this.vector());
  }

  /**
   * Take values from the reader, a link or Python, those in range.
   * @param {Values} changes
   * @param {boolean} [push] whether they push others; Python sets one after the other, and is left what it has set
   * @param {boolean} [kept] whether they can be undone
   */
  propose(changes, push = true, kept = true) {
    const before = this.vector();
    /** @type {Values} */
    const taken = {};
    for (const control of this.spec.controls) {
      const { name } = control;
      if (!(name in changes)) continue;
      if (accepts(control, changes[name])) taken[name] = changes[name];
      else {
        this.controls[name].refuse(changes[name]);
        if (control.more && this.more) this.more.open = true; // where it says why
      }
    }
    const values = { ...this.values, ...taken };
    const settled = push ? settle(this.spec, values, taken) : values;
    for (const { name } of this.spec.controls) {
      if (name in taken || settled[name] !== this.values[name]) this.controls[name].show(settled[name]);
    }
    Object.assign(this.values, settled); // the same object: others have it too
    this.plane.show(this.values);
    if (same(before, this.vector())) return;
    if (kept) this.history.add(this.vector(), this.hand?.moving ? this.hand.gesture : undefined);
    this.undo.setAttribute("aria-disabled", `${!this.history.back}`);
    this.redo.setAttribute("aria-disabled", `${!this.history.forth}`);
    for (const [name, value] of Object.entries(settled)) this.model.set(name, value); // what is refused is set back
    this.model.save_changes();
    this.compute();
  }

  /**
   * Go back, or forth, in the states of the controls.
   * @param {number} step
   */
  travel(step) {
    const state = this.history.go(step);
    const changes = state && this.spec.controls.map(({ name }, i) => [name, state[i]]);
    if (changes) this.propose(Object.fromEntries(changes), false, false);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const typing = event.target instanceof Element && event.target.matches("input:not([type])");
    const step = { z: event.shiftKey ? 1 : -1, y: 1 }[event.key.toLowerCase()];
    if (typing || !step || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    this.travel(step);
  }

  /**
   * Take a file that is dragged here, as by the input; the page stays in any case.
   * @param {DragEvent} event
   */
  drop(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.root.classList.toggle("ex-drop", event.type === "dragover");
    if (event.type !== "drop") return;
    if (this.data) this.data.open(event.dataTransfer.files[0]);
    else this.problem.textContent = "This explorer takes no file.";
  }

  /**
   * Show other data.
   * @param {string} source Python expression for it
   */
  take(source) {
    this.source = source;
    this.pins.forget();
    this.compute();
  }

  /**
   * Say that the picture is not yet that of the controls, or no more.
   * @param {boolean} late
   */
  wait(late) {
    this.root.classList.toggle("ex-busy", late);
    if (late) this.status.textContent = COMPUTING;
    else if (this.status.textContent === COMPUTING) this.status.textContent = "";
  }

  /**
   * @param {RunAnswer} message
   * @param {Float64Array} [output]
   */
  hear({ status = 0, error }, output) {
    const { spec } = this;
    const state = error === undefined && output ? decode(spec, output) : undefined;
    const vector = this.run.values;
    this.pins.keep(vector, status < 0 ? undefined : state);
    if (!same(vector, this.vector())) { // it was a pin's
      this.compute();
      return;
    }
    const sentence = sentenceOf(spec, status, wordsOf(spec, this.values, state));
    const drawable = state?.curves.some((segments) => segments.length > 0);
    const failure = error !== undefined ? `The computation failed: ${error}`
      : status < 0 ? sentence
      : !drawable && this.run.fraction >= 1 ? "There is no number to draw at these values." : "";
    this.problem.textContent = failure;
    this.root.classList.toggle("ex-stale", failure !== "");
    if (failure) this.status.textContent = ""; // what it says is of the last good picture
    this.progress();
    if (failure || !state || !drawable) return;
    const { fraction, since } = this.run;
    this.shown = { ...state, status, notice: sentence, values: { ...this.values }, detail: { fraction, since } };
    if (!this.painted) this.paint();
  }

  /** Draw what is newest: at once, and then once in every frame of the screen. */
  paint() {
    const drawn = this.shown;
    this.painted = true;
    this.draw();
    this.announce();
    requestAnimationFrame(() => {
      this.painted = false;
      if (this.shown !== drawn) this.paint();
    });
  }

  /** Tell a screen reader one sentence once the hand rests, and one more when a simulation has ended. */
  announce() {
    const { fraction, since } = this.run;
    const end = fraction >= 1;
    if (since === this.told && !end) return;
    const long = since === this.told; // it was heard of before its end
    this.told = since;
    clearTimeout(this.telling);
    const say = () => {
      if (this.shown) this.status.textContent = `${end ? "Done. " : ""}${headlineOf(this.spec, this.shown)}`;
    };
    if (end && long) say();
    else this.telling = setTimeout(say, HUSH);
  }

  // --- From numbers to the picture

  /** @param {boolean} [moving] whether the axes may only grow: while the hand moves, and as a simulation goes on */
  draw(moving) {
    if (!this.shown) return;
    this.picture?.remove();
    const { spec } = this;
    const { readouts, notice, status, values, detail } = this.shown;
    const { hidden } = this;
    spec.curves.forEach(({ name }, i) => this.entries[i].setAttribute("aria-pressed", `${!hidden.has(name)}`));
    const running = detail.fraction > 0 && detail.fraction < 1;
    this.plot.draw(this.shown, hidden, this.pins.curves(), moving ?? (running || this.hand.moving || this.play.playing));
    this.pins.show();
    this.network.show(this.shown.panels);
    const { x, y, z } = spec;
    const caption = captionOf(spec, values);
    const words = `${z ? `Map of ${z.label}, ` : ""}${y.label} against ${x.label} at ${caption}. ${
      summaryOf(spec, this.shown)}`;
    this.plot.svg.setAttribute("aria-label", words);
    if (status !== this.dismissed) this.dismissed = 0;
    this.notice.textContent = notice;
    this.noticeBox.hidden = !notice || status === this.dismissed;
    this.print.innerHTML = rich(caption + this.pins.caption());
    numbersOf(spec, readouts).forEach(({ at, words }, i) => {
      const said = `${words}${this.pins.compared(at, readouts[at])}`;
      if (said !== this.said[i]) this.numbers[i].innerHTML = this.said[i] = said;
    });
    this.presets.show(values, wordsOf(spec, values, this.shown));
    this.code.textContent = programOf(spec, values, this.source);
    this.progress();
    this.tabulate();
    this.root.dispatchEvent(new CustomEvent("explorer:drawn", { bubbles: true, detail }));
  }

  progress() {
    const { fraction, going } = this.run;
    if (fraction > 0 && fraction < 1) this.progressRow.hidden = false; // only if there is a long part
    this.meter.value = fraction;
    const left = this.run.left();
    this.percent.textContent = `${Math.floor(100 * fraction)} %${left && `, ${left}`}`;
    this.stop.textContent = going || fraction >= 1 ? "Stop" : "Resume";
    this.stop.disabled = fraction >= 1;
  }

  tabulate() {
    const { spec, shown } = this;
    if (!this.table.open || !shown) return;
    /** @type {(cells: string[], tag: string) => string} */
    const line = (cells, tag) => `<tr>${join(cells, (cell) => `<${tag}>${cell}</${tag}>`)}</tr>`;
    this.rows.innerHTML = join(spec.curves, (curve, i) => `<table><caption>${rich(curve.label)}</caption>${
      line(heads(spec, curve).map(rich), "th")}${
      join(shown.curves[i].flat(), (row) => line(row.map((value) => format(value, 4)), "td"))}</table>`);
  }
}
