/**
 * The conversation with the host about the newest values.
 */
import { same } from "./tools.mjs";

const REST = 150; // ms that the controls must rest before the long part begins
const SLOW = 250; // ms without an answer after which the reader is told
const PATIENCE = 1000; // ms that newer values wait for the answer to older ones

/**
 * How long the rest takes, in words; "" where that is not known yet, or not worth saying.
 * @param {number} done share of all that was done ...
 * @param {number} elapsed ... in this time, in ms
 * @param {number} rest share that is left
 */
export function timeLeft(done, elapsed, rest) {
  const seconds = rest * elapsed / done / 1000;
  if (elapsed < SLOW || !(seconds > 5 && seconds < Infinity)) return "";
  for (const [unit, size] of /** @type {[string, number][]} */ ([["days", 86400], ["h", 3600], ["min", 60]])) {
    if (seconds >= 1.5 * size) return `about ${Math.round(seconds / size)} ${unit} left`;
  }
  return `about ${5 * Math.ceil(seconds / 5)} s left`;
}

/** The host's work on the newest values. */
export class Run {
  #model; #reply; #late; #receive;
  /** @typedef {ReturnType<typeof setTimeout> | undefined} Timer */
  /** @type {Timer} for the long part, */
  #timer;
  /** @type {Timer} for what is said of a slow answer, */
  #slow;
  /** @type {Timer} and for newer values to be sent although there is none */
  #patience;
  /** @type {number[] | undefined} the values that the host has */
  #posted;
  #busy = false;
  /** @type {number[]} the newest ones */
  values = [];
  fraction = 0;
  going = false;
  since = 0; // when they came, ms
  resumed = { fraction: 0, at: 0 }; // how much was done when the long part went on last, and when that was

  /**
   * @param {Host} model
   * @param {(message: RunAnswer | FileAnswer, output?: Float64Array) => void} reply is told what concerns the newest
   *   values or the reader's file
   * @param {(late: boolean) => void} late is told when an answer takes long, and when it has come
   */
  constructor(model, reply, late) {
    this.#model = model;
    this.#reply = reply;
    this.#late = late;
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
    this.#slow ??= setTimeout(() => this.#late(true), SLOW);
    this.#post();
  }

  resume() {
    this.going = true;
    this.resumed = { fraction: this.fraction, at: performance.now() };
    if (this.#posted === this.values) this.#model.send({ do: "resume" });
  }

  pause() {
    clearTimeout(this.#timer);
    this.going = false;
    this.#model.send({ do: "pause" });
  }

  close() {
    for (const timer of [this.#timer, this.#slow, this.#patience]) clearTimeout(timer);
    this.#model.off("msg:custom", this.#receive);
  }

  /** What is left of the long part, in words. */
  left() {
    const { fraction, going, resumed } = this;
    return going ? timeLeft(fraction - resumed.fraction, performance.now() - resumed.at, 1 - fraction) : "";
  }

  /**
   * Send the newest values, one set at a time: a host that lags is never given a queue. If older ones keep it for
   * long it is given the newest all the same: on a page they end what it does, in Jupyter they are next.
   */
  #post() {
    if (this.#posted === this.values) return;
    if (this.#busy) {
      this.#patience ??= setTimeout(() => {
        this.#busy = false;
        this.#patience = undefined;
        this.#post();
      }, PATIENCE);
      return;
    }
    clearTimeout(this.#patience);
    this.#patience = undefined;
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
      clearTimeout(this.#slow);
      this.#slow = undefined;
      this.#late(false);
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
