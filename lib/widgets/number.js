/**
 * Read the number that a person means by a text: the one rule for boxes, questions, addresses and files, the same as
 * lib.realdata.read_number. Uses no other function, since page.js hands it to the worker as text.
 *
 * @param {string} given
 * @returns {[value: number, doubt: string]} NaN for a text that is no number or may be two; then `doubt` says which two
 */
function readNumber(given) {
  const text = given.trim().replace(/[−–]/g, "-");
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return [Number(text), ""];
  const [, sign, size, power = ""] = /^([+-]?)([\d.,' \u00a0\u2009\u202f]+?)(e[+-]?\d+)?$/i.exec(text) ?? [];
  if (!size) return [NaN, ""];
  if (/^[1-9]\d{0,2},\d{3}$/.test(size)) {
    return [NaN, `${text} may mean ${text.replace(",", "")} or ${text.replace(",", ".")}: write one of the two`];
  }
  /** @type {(plain: string) => [number, string]} */
  const value = (plain) => [Number(sign + plain.replace(",", ".") + power), ""];
  if (/^\d*,\d+$/.test(size)) return value(size);
  if (/^[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(size)) return value(size.replace(/,/g, ""));
  if (/^[1-9]\d{0,2}(\.\d{3})+(,\d*)?$/.test(size)) return value(size.replace(/\./g, ""));
  if (/^[1-9]\d{0,2}([ \u00a0\u2009\u202f']\d{3})+([.,]\d*)?$/.test(size)) return value(size.replace(/[^\d.,]/g, ""));
  return [NaN, ""];
}
