/**
 * A question that judges its answer, as an anywidget module; lib/book/course.py describes the content, which comes as
 * the base64 of a JSON text. The page needs `_content` of the model and nothing else. Comes after number.js.
 */

/**
 * [value, doubt] of what a reader writes: 1e-3, 0,5, 1/3, 2·10^-3, −pi/4, 1,234.5 or 5 %, products of numbers as
 * readNumber takes them. The value is NaN if it is none or may be two, and then `doubt` says which.
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

const words = (text) => text.toLowerCase().replace(/\s+/g, " ").trim();

/** What an answer deserves: {voice, say}, voice one of "right", "hint", "close", "wrong", "unread". */
export function judge({ answer, tolerance, hints }, text) {
  if (typeof answer === "string") {
    if (!words(text)) return { voice: "unread", say: "No answer yet." };
    if (words(text) === words(answer)) return { voice: "right", say: "Right." };
    const hint = hints.find(({ equals }) => words(equals) === words(text));
    return hint ? { voice: "hint", say: hint.say } : { voice: "wrong", say: "No. Try again, or unfold the solution." };
  }
  const [given, doubt] = parse(text);
  if (doubt) return { voice: "unread", say: `Not read: ${doubt}.` };
  if (Number.isNaN(given)) {
    return { voice: "unread", say: "Not read as a number. Write it as 0.5, 1e-3, 1/3 or pi/4." };
  }
  const read = `Read as ${Number(given.toPrecision(6))}.`;
  // Decimal digits are not exact in binary: a hair beyond the tolerance is within it.
  const near = (value, allowed) => Math.abs(given - value) <= allowed + 1e-12 * Math.abs(value);
  if (near(answer, tolerance)) return { voice: "right", say: `Right. ${read}` };
  // Around its value a hint is as wide as the answer is around its own.
  const width = (value) => answer ? tolerance * Math.abs(value / answer) : tolerance;
  const hint = hints.find(({ equals }) => near(equals, width(equals)));
  if (hint) return { voice: "hint", say: `${read} ${hint.say}` };
  if (near(answer, 2 * tolerance)) return { voice: "close", say: `Close. ${read} Keep one more digit.` };
  if (answer && near(-answer, tolerance)) return { voice: "hint", say: `${read} The size is right, the sign is not.` };
  if (given / answer > 0 && near(answer * 10 ** Math.round(Math.log10(given / answer)), width(given))) {
    return { voice: "hint", say: `${read} The digits are right, the power of ten is not.` };
  }
  return { voice: "wrong", say: `No. ${read} Try again, or unfold the solution.` };
}

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

let count = 0;

export default { render({ model, el }) {
  const bytes = Uint8Array.from(atob(model.get("_content")), (sign) => sign.charCodeAt(0));
  const question = JSON.parse(new TextDecoder().decode(bytes));
  const id = `answer-${++count}`;
  const quiet = { id, "aria-describedby": `${id}-says`, "data-lm-suppress-shortcuts": true };
  const field = question.choices.length
    ? make("select", quiet, ...["", ...question.choices].map((choice) => make("option", { value: choice }, choice)))
    : make("input", { ...quiet, type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: false });
  const says = make("p", { id: `${id}-says`, class: "qu-says", role: "status", "aria-live": "polite" });
  const form = make("form", {}, make("label", { for: id }, question.ask),
    make("div", { class: "qu-row" }, field, make("button", { type: "submit" }, "Check")), says);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { voice, say } = judge(question, field.value);
    says.dataset.voice = voice;
    says.textContent = say;
    field.setAttribute("aria-invalid", voice === "unread");
  });
  field.addEventListener("keydown", (event) => { // JupyterLab keeps the browser from sending a form at Enter
    if (event.key !== "Enter" || question.choices.length) return;
    event.preventDefault();
    form.requestSubmit();
  });
  field.addEventListener("input", () => { says.textContent = ""; delete says.dataset.voice; });
  el.classList.add("question");
  el.replaceChildren(form, make("p", { class: "qu-print" }, `${question.ask} (answer on the page)`));
} };
