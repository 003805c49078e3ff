/**
 * The converter of exponents, as an anywidget module; lib/widgets/letters.py describes the content. Of the model it
 * needs `_content` only. Comes after number.js, whose function it calls.
 */

/**
 * The point (beta, tau) of a paper's exponents, as lib.letters.translate has it.
 *
 * @param {Paper} paper
 * @param {number[]} exponents
 * @returns {{ beta: number, tau: number }}
 */
export function translate(paper, [x, y = 0]) {
  const terms = [x, y, x * y, 1];
  /** @param {number[]} row */
  const sum = (row) => row.reduce((total, coefficient, i) => total + coefficient * terms[i], 0);
  return { beta: sum(paper.beta), tau: sum(paper.tau) };
}

/**
 * The phase of compute-optimal random features, and the exponents of the best size and of its error: the rules of
 * lib.random_features.phase and exponents, written out.
 *
 * @param {number} beta greater than -1
 * @param {number} tau greater than -beta
 * @returns {{ phase: string, features: number, risk: number }}
 */
export function frontier(beta, tau) {
  const b = 1 + beta, rest = beta + tau;
  if (beta > 0 && tau < 1) return { phase: "Ia", features: 1 / (1 + b), risk: rest / (1 + b) };
  if (beta > 0 && tau < b) return { phase: "II", features: tau / (b + tau), risk: rest / (b + tau) };
  if (beta > 0) return { phase: "III", features: 1 / 2, risk: (1 + 2 * beta) / (2 * b) };
  if (tau < 1) return { phase: "Ib", features: 1 / 2, risk: rest / 2 };
  if (beta > 1 - Math.SQRT2) return { phase: "IVa", features: 1 / 2, risk: b / 2 };
  // signal meets noise, or floor: at a time features^power, which takes features^(power - beta) steps
  const noisy = beta > -1 / 2, power = noisy ? beta * b / (b - tau) : b * b / rest;
  const features = 1 / (1 - beta + power);
  return { phase: noisy ? "IVb" : "Ic", features, risk: power * features * rest / b };
}

/** @param {number} value */
const short = (value) => String(Number(value.toPrecision(4))).replace("-", "−");

/**
 * What follows from a point, as pairs of a name and a value; or a sentence why nothing does.
 *
 * @param {{ beta: number, tau: number }} point
 * @returns {{ rows: [string, string][], problem: string }}
 */
export function consequences({ beta, tau }) {
  /** @type {[string, string][]} */
  const rows = [["β", short(beta)], ["τ", short(tau)]];
  if (!(beta > -1)) return { rows, problem: "The eigenvalues do not fall: β must be greater than −1." };
  if (!(beta + tau > 0)) {
    return { rows, problem: "The target's variance lies at the end of the spectrum, β + τ ≤ 0: there is no power law." };
  }
  const signal = (beta + tau) / (1 + beta), noise = (1 + 2 * beta) / (1 + beta);
  rows.push(["source s = (β + τ)/(1 + β)", short(signal)]);
  if (beta > 0) {
    const easy = tau > 1 + beta;
    rows.push(
      ["exponent of time and one-pass data", `${short(Math.min(signal, noise))}${easy ? ", of SGD's noise" : ""}`],
      ["exponent of leading features", short(beta + tau)],
      ["exponent of compute, leading features", short((beta + tau) / (2 + beta))],
    );
  }
  const { phase, features, risk } = frontier(beta, tau);
  rows.push([`random features: phase ${phase}`, `best size ~ compute^${short(features)}, error ~ compute^−${short(risk)}`]);
  return { rows, problem: "" };
}

/**
 * An element with attributes and children.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

let count = 0;

export default {
  /** @param {{ model: { get(name: "_content"): string }, el: HTMLElement }} given */
  render({ model, el }) { show(model.get("_content"), el, "letters" in el.dataset); }, // a page's element has it
};

/**
 * Put the converter into an element.
 *
 * @param {string} content
 * @param {HTMLElement} el
 * @param {boolean} linked whether the chapter's page stands beside this one
 */
function show(content, el, linked) {
  /** @type {LetterTable} */
  const { papers, chapter, explorers } = JSON.parse(content);
  const id = `letters-${++count}`;
  const menu = make("select", { id: `${id}-paper`, "data-lm-suppress-shortcuts": "true" },
    ...papers.map((paper, i) => make("option", { value: `${i}` }, paper.title)));
  const boxes = make("div", {});
  const says = make("div", { class: "le-says", role: "status", "aria-live": "polite" });

  const update = () => {
    const paper = papers[Number(menu.value)];
    const read = [...boxes.querySelectorAll("input")].map((box) => {
      const [value, doubt] = readNumber(box.value);
      box.setAttribute("aria-invalid", `${!Number.isFinite(value)}`);
      return { value, doubt };
    });
    const wrong = read.findIndex(({ value }) => !Number.isFinite(value));
    if (wrong >= 0) {
      const { symbol } = paper.letters[wrong];
      says.replaceChildren(make("p", {}, `${symbol}: ${read[wrong].doubt || "write a number, such as 0.5 or 1.2"}.`));
      return;
    }
    const point = translate(paper, read.map(({ value }) => value));
    const { rows, problem } = consequences(point);
    const list = make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
    says.replaceChildren(list);
    if (problem) { says.append(make("p", {}, problem)); return; }
    for (const { name, title, beta, tau } of explorers) {
      const inside = point.beta >= beta[0] && point.beta <= beta[1] && point.tau >= tau[0] && point.tau <= tau[1];
      const at = `beta=${Number(point.beta.toPrecision(6))},tau=${Number(point.tau.toPrecision(6))}`;
      if (!inside) continue;
      says.append(make("p", {}, linked
        ? make("a", { href: `${chapter}.html#${name}:${at}` }, `Open “${title}” at this point`)
        : make("code", {}, `lib.widgets.explore("${name}", ${at.replace(",", ", ")})`)));
    }
  };
  const fill = () => {
    boxes.replaceChildren(...papers[Number(menu.value)].letters.flatMap(({ symbol, meaning, example }, i) => [
      make("label", { for: `${id}-${i}` }, `${symbol}: ${meaning}`),
      make("input", { id: `${id}-${i}`, type: "text", inputmode: "decimal", value: `${example}`, autocomplete: "off",
        spellcheck: "false", "data-lm-suppress-shortcuts": "true" }),
    ]));
    update();
  };
  menu.addEventListener("change", fill);
  boxes.addEventListener("input", update);
  el.classList.add("letters");
  el.replaceChildren(make("label", { for: `${id}-paper` }, "Paper"), menu, boxes, says);
  fill();
}
