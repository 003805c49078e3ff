/**
 * Play: runs the cursor along the picture, or a control through its range.
 */
import { button, clamp, closest, make } from "./tools.mjs";
import { positionsOf } from "./controls.mjs";

const PLAY_SECONDS = 6;
const PLAY_STEPS = 12; // at most, where nothing may move by itself

/**
 * Where the next step leads: to the start behind the end.
 * @param {number} place that is taken now, of `count`
 * @param {number} count
 */
export function nextPlace(place, count) {
  const step = Math.max(1, Math.round((count - 1) / PLAY_STEPS));
  return place >= count - 1 ? 0 : Math.min(place + step, count - 1);
}

/** The button and its menu; where a reader asks for less motion, each press is one step. */
export class Play {
  #still = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {number | undefined} the animation frame that was asked for */
  #frame;

  /**
   * @param {Spec} spec
   * @param {import("./cursor.mjs").Cursor} cursor
   * @param {(name: string) => number} value of a control
   * @param {(values: Values) => void} propose
   * @param {() => void} rest is told when it stops
   */
  constructor({ x, controls }, cursor, value, propose, rest) {
    this.rest = rest;
    const tracks = controls.map((control) => {
      const positions = positionsOf(control);
      return { count: () => positions.length,
        place: () => closest(positions, (other) => Math.abs(other - value(control.name))),
        /** @param {number} place */
        go: (place) => propose({ [control.name]: positions[place] }) };
    });
    this.tracks = [{ count: () => cursor.stops.length, place: () => cursor.stop,
      /** @param {number} place */
      go: (place) => cursor.read(place) }, ...tracks];
    this.menu = make("select", { "aria-label": "What is played", "data-lm-suppress-shortcuts": true },
      make("option", { value: 0 }, `along ${x.label}`),
      ...controls.map(({ symbol, label }, i) => make("option", { value: i + 1 }, `${symbol}, ${label}`)));
    this.button = button("", () => this.playing ? this.stop() : this.play());
    this.node = make("div", { class: "ex-row ex-play" }, this.button, this.menu);
    this.name();
    this.#still.addEventListener("change", this.name);
  }

  get playing() {
    return this.#frame !== undefined;
  }

  name = () => {
    this.button.textContent = this.playing ? "Stop" : this.#still.matches ? "Step" : "Play";
  };

  play() {
    const track = this.tracks[Number(this.menu.value)];
    const count = track.count();
    if (count < 2) return;
    if (this.#still.matches) {
      track.go(nextPlace(track.place(), count));
      return;
    }
    let last = -1;
    /** @type {number | undefined} */
    let begun;
    /** @param {number} now */
    const step = (now) => {
      begun ??= now;
      const share = clamp((now - begun) / (1000 * PLAY_SECONDS), 0, 1);
      const place = Math.round(share * (count - 1));
      if (place !== last) track.go(last = place);
      if (share < 1) this.#frame = requestAnimationFrame(step);
      else this.stop();
    };
    this.#frame = requestAnimationFrame(step);
    document.addEventListener("keydown", this.interrupt, true);
    document.addEventListener("pointerdown", this.interrupt, true);
    this.name();
  }

  /** @param {Event} event a key or a click anywhere; the button's own comes to it */
  interrupt = (event) => {
    const own = event.target === this.button
      && (!(event instanceof KeyboardEvent) || event.key === "Enter" || event.key === " ");
    if (!own) this.stop();
  };

  stop() {
    if (this.#frame === undefined) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
    document.removeEventListener("keydown", this.interrupt, true);
    document.removeEventListener("pointerdown", this.interrupt, true);
    this.name();
    this.rest();
  }

  close() {
    this.stop();
    this.#still.removeEventListener("change", this.name);
  }
}
