/**
 * A question that judges its answer, as an anywidget module; lib/book/course.py describes the content, which comes as
 * the base64 of a JSON text. Of the model it needs `_content` only. Comes after number.js, whose function it calls.
 */

/**
 * Read what a reader writes: 1e-3, 0,5, 1/3, 2·10^-3, −pi/4, 1,234.5 or 5 %, and products of numbers as readNumber
 * takes them.
 *
 * @param {string} text
 * @returns {[value: number, doubt: string]} NaN for a text that is no number or may be two; then `doubt` says which two
 */
export function parse(text) {
  let plain = text.toLowerCase().trim().replace(/[−–]/g, "-").replace(/[×·]/g, "*").replace(/π/g, "pi")
    .replace(/\s*([*/^()%])\s*/g, "$1").replace(/^([+-])\s+/, "$1")
    .replace(/\*10(?:\^|\*\*)\(?([+-]?\d+)\)?/g, "e$1").replace(/^([+-]?)10(?:\^|\*\*)\(?([+-]?\d+)\)?/, "$11e$2");
  const percent = plain.endsWith("%");
  if (percent) plain = plain.slice(0, -1);
  const sign = plain.startsWith("-") ? -1 : 1;
  let value = sign / (percent ? 100 : 1);
  for (const part of plain.replace(/^[+-]/, "").split(/(?=[*/])/)) {
    const factor = part.replace(/^[*/]/, "");
    const [size, doubt] = factor === "pi" ? [Math.PI, ""] : /^[+-]/.test(factor) ? [NaN, ""] : readNumber(factor);
    if (doubt) return [NaN, doubt];
    value = part[0] === "/" ? value / size : value * size;
  }
  return [Number.isFinite(value) ? value : NaN, ""];
}

/** @param {string} text */
const words = (text) => text.toLowerCase().replace(/\s+/g, " ").trim();

/**
 * @typedef {{ verdict: "right" | "hint" | "close" | "wrong" | "unparsed", message: string }} Judgement
 */

/**
 * Judge an answer.
 *
 * @param {Question} question
 * @param {string} text
 * @returns {Judgement}
 */
export function judge({ answer, tolerance, hints }, text) {
  if (typeof answer === "string") return judgeWords(answer, hints, text);
  const [given, doubt] = parse(text);
  if (doubt) return { verdict: "unparsed", message: `Not read: ${doubt}.` };
  if (Number.isNaN(given)) {
    return { verdict: "unparsed", message: "Not read as a number. Write it as 0.5, 1e-3, 1/3 or pi/4." };
  }
  const read = `Read as ${Number(given.toPrecision(6))}.`;
  /**
   * Decimal digits are not exact in binary: a hair beyond the tolerance is within it.
   * @param {number} value
   * @param {number} allowed
   */
  const near = (value, allowed) => Math.abs(given - value) <= allowed + 1e-12 * Math.abs(value);
  if (near(answer, tolerance)) return { verdict: "right", message: `Right. ${read}` };
  /**
   * A hint is as wide around its value as the answer is around its own.
   * @param {number} value
   */
  const width = (value) => answer ? tolerance * Math.abs(value / answer) : tolerance;
  const hint = hints.find(({ equals }) => near(Number(equals), width(Number(equals))));
  if (hint) return { verdict: "hint", message: `${read} ${hint.say}` };
  if (near(answer, 2 * tolerance)) return { verdict: "close", message: `Close. ${read} Keep one more digit.` };
  if (answer && near(-answer, tolerance)) {
    return { verdict: "hint", message: `${read} The size is right, the sign is not.` };
  }
  if (given / answer > 0 && near(answer * 10 ** Math.round(Math.log10(given / answer)), width(given))) {
    return { verdict: "hint", message: `${read} The digits are right, the power of ten is not.` };
  }
  return { verdict: "wrong", message: `No. ${read} Try again, or unfold the solution.` };
}

/**
 * @param {string} answer
 * @param {Question["hints"]} hints
 * @param {string} text
 * @returns {Judgement}
 */
function judgeWords(answer, hints, text) {
  if (!words(text)) return { verdict: "unparsed", message: "No answer yet." };
  if (words(text) === words(answer)) return { verdict: "right", message: "Right." };
  const hint = hints.find(({ equals }) => words(`${equals}`) === words(text));
  return hint ? { verdict: "hint", message: hint.say }
    : { verdict: "wrong", message: "No. Try again, or unfold the solution." };
}

/**
 * An element with attributes and children.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | boolean>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, `${value}`);
  node.append(...children);
  return node;
}

let count = 0;

export default {
  /** @param {{ model: { get(name: "_content"): string }, el: HTMLElement }} given */
  render({ model, el }) { show(model.get("_content"), el); },
};

/**
 * Put a question into an element.
 *
 * @param {string} content
 * @param {HTMLElement} el
 */
function show(content, el) {
  const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
  /** @type {Question} */
  const question = JSON.parse(new TextDecoder().decode(bytes));
  const id = `answer-${++count}`;
  const quiet = { id, "aria-describedby": `${id}-says`, "data-lm-suppress-shortcuts": true };
  /** @type {HTMLElement & { value: string }} */
  const field = question.choices.length
    ? make("select", quiet, ...["", ...question.choices].map((choice) => make("option", { value: choice }, choice)))
    : make("input", { ...quiet, type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: false });
  const says = make("p", { id: `${id}-says`, class: "qu-says", role: "status", "aria-live": "polite" });
  const form = make("form", {}, make("label", { for: id }, question.ask),
    make("div", { class: "qu-row" }, field, make("button", { type: "submit" }, "Check")), says);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { verdict, message } = judge(question, field.value);
    says.dataset.verdict = verdict;
    says.textContent = message;
    field.setAttribute("aria-invalid", `${verdict === "unparsed"}`);
  });
  field.addEventListener("keydown", (event) => { // JupyterLab keeps the browser from sending a form at Enter
    if (event.key !== "Enter" || question.choices.length) return;
    event.preventDefault();
    form.requestSubmit();
  });
  field.addEventListener("input", () => { says.textContent = ""; delete says.dataset.verdict; });
  el.classList.add("question");
  el.replaceChildren(form, make("p", { class: "qu-print" }, `${question.ask} (answer on the page)`));
}
