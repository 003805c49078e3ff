/**
 * The number that a person means by a text: the one rule of boxes, questions, addresses and files, as lib.realdata.read_number.
 * Gives [value, doubt]: NaN for what is none or may be two, and then what it may be. Stands alone: page.js hands it on as text.
 */
function readNumber(given) {
  const text = given.trim().replace(/[−–]/g, "-");
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return [Number(text), ""];
  const [, sign, size, power = ""] = /^([+-]?)([\d.,' \u00a0\u2009\u202f]+?)(e[+-]?\d+)?$/i.exec(text) ?? [];
  if (!size) return [NaN, ""];
  if (/^[1-9]\d{0,2},\d{3}$/.test(size)) {
    return [NaN, `${text} may mean ${text.replace(",", "")} or ${text.replace(",", ".")}: write one of the two`];
  }
  const value = (plain) => [Number(sign + plain.replace(",", ".") + power), ""];
  if (/^\d*,\d+$/.test(size)) return value(size);
  if (/^[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(size)) return value(size.replace(/,/g, ""));
  if (/^[1-9]\d{0,2}(\.\d{3})+(,\d*)?$/.test(size)) return value(size.replace(/\./g, ""));
  if (/^[1-9]\d{0,2}([ \u00a0\u2009\u202f']\d{3})+([.,]\d*)?$/.test(size)) return value(size.replace(/[^\d.,]/g, ""));
  return [NaN, ""];
}
