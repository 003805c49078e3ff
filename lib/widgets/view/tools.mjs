/**
 * Small tools: elements, numbers as they are read, and files for the reader.
 */

/**
 * An element with attributes (functions become listeners) and children.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | ((event: any) => void)>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, `${value}`);
  }
  node.append(...children);
  return node;
}

/**
 * An element of a drawing.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 */
export function shape(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, `${value}`);
  node.append(...children);
  return node;
}

/** @type {(label: string, click: (event: any) => void) => HTMLButtonElement} */
export const button = (label, click) => make("button", { type: "button", click }, label);

export const SIGNS = "①②③"; // of the pinned states

/** @param {string} text */
export const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/**
 * HTML of a text in which ε_g means a subscript.
 * @param {string} text
 */
export const rich = (text) => escape(text).replace(/_(\w+)/g, "<sub>$1</sub>");

/**
 * The same for SVG, which has no subscripts.
 * @param {string} text
 */
export const drawn = (text) => escape(text)
  .replace(/_(\w+)/g, '<tspan dy=".3em" font-size=".8em">$1</tspan><tspan dy="-.24em">\u200b</tspan>');

/** @type {(value: number, low: number, high: number) => number} */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
/** @type {(value: number, digits: number) => number} */
export const round = (value, digits) => Number(value.toPrecision(digits));
/** @type {(list: number[]) => number[]} */
export const distinct = (list) => [...new Set(list)].sort((a, b) => a - b);
/** @type {<T>(a: T[], b: T[]) => boolean} */
export const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

/**
 * A number for reading, powers of ten written out.
 * @param {number} value
 * @param {number} [digits] significant ones; by default all that the number has
 */
export function format(value, digits) {
  if (Number.isNaN(value)) return "no value";
  const size = Math.abs(value);
  const tiny = size > 0 && size < 1e-3;
  const text = tiny || size >= 1e6 ? value.toExponential(digits && digits - 1)
    : !digits ? `${value}` : size >= 10 ** digits ? value.toFixed() : value.toPrecision(digits);
  /** @param {string} digits */
  const raise = (digits) => digits.replace(/./g, (sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)] ?? "⁻");
  return text.replace(/e\+?(.+)/, (_, exponent) => `×10${raise(exponent)}`)
    .replace("-", "−").replace("Infinity", "∞");
}

/**
 * The template with {name} replaced where `words` has the name; other braces stay.
 * @param {string} template
 * @param {Record<string, string | number>} words
 */
export const fill = (template, words) => template.replace(/\{(\w+)\}/g, (all, name) => `${words[name] ?? all}`);

/**
 * Index at which `away` is least, and below `within`; -1 if there is none.
 * @template T
 * @param {ArrayLike<T>} list
 * @param {(item: T, i: number) => number} away
 * @param {number} [within]
 */
export function closest(list, away, within = Infinity) {
  let [best, least] = [-1, within];
  for (let i = 0; i < list.length; i++) {
    const distance = away(list[i], i);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

/** @type {(name: string, type: string, content: string | Blob) => void} */
export function download(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/**
 * An SVG file as a PNG file, twice as fine.
 * @param {string} svg
 */
export async function pngOf(svg) {
  const image = make("img", { src: `data:image/svg+xml,${encodeURIComponent(svg)}` });
  await image.decode();
  const canvas = make("canvas", { width: 2 * image.width, height: 2 * image.height });
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((/** @type {(file: Blob | null) => void} */ done) => canvas.toBlob(done));
}

/**
 * Parts of a text in lines, as many in each as its width holds.
 * @param {string[]} parts
 * @param {number} width
 * @param {(line: string) => number} measure
 */
export function linesOf(parts, width, measure) {
  /** @type {string[]} */
  const lines = [];
  for (const part of parts) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${part}` : part;
    if (lines.length && measure(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines;
}

/**
 * Copy to the clipboard and say so on the button; where a page may not, say `otherwise`.
 * @param {HTMLElement} button
 * @param {string} text
 * @param {string} otherwise
 */
export async function copy(button, text, otherwise) {
  const label = button.dataset.label ??= button.textContent;
  const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  button.textContent = copied ? "Copied" : otherwise;
  setTimeout(() => { button.textContent = label; }, 2000);
}

/** The markup of a list, item after item.
 * @template T
 * @param {T[]} list
 * @param {(item: T, i: number) => string} markup
 */
export const join = (list, markup) => list.map(markup).join("");
