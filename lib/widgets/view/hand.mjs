/**
 * The reader's hand: whether it moves something, and which of its changes are one gesture.
 */
const PAUSE = 600; // ms after which a hand that moved rests

/** @param {EventTarget | null} target */
const movable = (target) => target instanceof Element && target.matches("input[type=range], .ex-handle, .ex-plane *");

export class Hand {
  #ends = new AbortController();
  #held = false; // a pointer is down
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #rested;
  moving = false;
  gesture = 0;

  /**
   * @param {HTMLElement} root
   * @param {() => void} rested is told when the hand has come to rest
   */
  constructor(root, rested) {
    this.#rested = rested;
    const options = { capture: true, signal: this.#ends.signal }; // before what moves is told
    for (const type of ["pointerdown", "keydown", "input"]) {
      root.addEventListener(type, ({ target }) => {
        if (!movable(target)) return;
        this.#held ||= type === "pointerdown";
        this.move();
      }, options);
    }
    for (const type of ["pointerup", "pointercancel"]) {
      addEventListener(type, () => {
        this.#held = false;
        if (this.moving) this.move();
      }, options);
    }
  }

  /** Something moves: the same gesture until nothing has for a while. */
  move() {
    if (!this.moving) this.gesture++;
    this.moving = true;
    clearTimeout(this.#timer);
    if (!this.#held) this.#timer = setTimeout(() => this.rest(), PAUSE);
  }

  rest() {
    clearTimeout(this.#timer);
    this.moving = false;
    this.#rested();
  }

  close() {
    clearTimeout(this.#timer);
    this.#ends.abort();
  }
}
