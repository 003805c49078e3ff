/**
 * The conversation with the host about the newest values.
 */
import { same } from "./tools.mjs";

const REST = 150; // ms that the controls must rest before the long part begins

/** The host's work on the newest values. */
export class Run {
  #model; #reply; #receive;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {number[] | undefined} the values that the host has */
  #posted;
  #busy = false;
  /** @type {number[]} the newest ones */
  values = [];
  fraction = 0;
  going = false;
  since = 0; // when they came, ms

  /**
   * @param {Host} model
   * @param {(message: RunAnswer | FileAnswer, output?: Float64Array) => void} reply is told what concerns the newest
   *   values or the reader's file
   */
  constructor(model, reply) {
    this.#model = model;
    this.#reply = reply;
    /** @type {(message: RunAnswer | FileAnswer, buffers: DataView[]) => void} */
    this.#receive = (message, buffers) => "file" in message ? reply(message) : this.#hear(message, buffers);
    model.on("msg:custom", this.#receive);
  }

  /**
   * The immediate part at once; the rest when the values have not changed for a while.
   * @param {number[]} values
   */
  start(values) {
    Object.assign(this, { values, fraction: 0, going: false, since: performance.now() });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.resume(), REST);
    this.#post();
  }

  resume() {
    this.going = true;
    if (this.#posted === this.values) this.#model.send({ do: "resume" });
  }

  pause() {
    clearTimeout(this.#timer);
    this.going = false;
    this.#model.send({ do: "pause" });
  }

  close() {
    clearTimeout(this.#timer);
    this.#model.off("msg:custom", this.#receive);
  }

  /** Send the newest values, one set at a time: a host that lags is never given a queue. */
  #post() {
    if (this.#busy || this.#posted === this.values) return;
    this.#busy = true;
    this.#posted = this.values;
    this.#model.send({ do: "start", values: this.values });
    if (this.going) this.resume();
  }

  /**
   * @param {RunAnswer} message
   * @param {DataView[]} buffers
   */
  #hear(message, buffers) {
    this.#busy = false;
    if (same(message.values, this.values)) {
      this.fraction = message.fraction ?? 1;
      if (this.fraction >= 1) {
        clearTimeout(this.#timer);
        this.going = false;
      }
      const [view] = buffers; // a DataView, in Jupyter at any place of a larger buffer
      const doubles = view?.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
      this.#reply(message, doubles && new Float64Array(doubles));
    }
    this.#post();
  }
}
