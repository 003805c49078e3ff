/**
 * The states that the controls were in: undo and redo.
 */
const KEPT = 200; // states, at most

export class History {
  /** @type {number[][]} */
  #states;
  #at = 0;
  /** @type {number | undefined} the gesture that made the newest state */
  #gesture;

  /** @param {number[]} state */
  constructor(state) {
    this.#states = [state];
  }

  get back() {
    return this.#at > 0;
  }

  get forth() {
    return this.#at < this.#states.length - 1;
  }

  /**
   * Keep a state; all states of one gesture are one.
   * @param {number[]} state
   * @param {number} [gesture]
   */
  add(state, gesture) {
    if (gesture === undefined || gesture !== this.#gesture) this.#at++;
    this.#gesture = gesture;
    this.#states.length = this.#at;
    this.#states.push(state);
    if (this.#states.length > KEPT) this.#states.shift();
    this.#at = this.#states.length - 1;
  }

  /**
   * Go to the state before (-1) or after (1); undefined if there is none.
   * @param {number} step
   */
  go(step) {
    const state = this.#states[this.#at + step];
    if (state) this.#at += step;
    this.#gesture = undefined;
    return state;
  }
}
