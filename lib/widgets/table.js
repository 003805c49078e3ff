/**
 * The reader's file as numbers, by the rules of lib/realdata.py: part of the worker of page.js.
 * Gives {rows, columns, values} with the values row by row; what is wrong is thrown, with file, place and value.
 */
function readTable(name, bytes, features) {
  const BYTES = 2 ** 26;
  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  const KINDS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array,
    i8: BigInt64Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, u8: BigUint64Array, b1: Uint8Array };
  const refuse = (text) => { throw new Error(`${name}: ${text}`); };

  function npy() {
    const view = new DataView(bytes);
    if (bytes.byteLength < 12 || view.getUint32(0) !== 0x934e554d) refuse("this is no .npy file, whatever its name");
    const wide = view.getUint8(6) > 1;
    const start = wide ? 12 : 10;
    const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
    const header = new TextDecoder("latin1").decode(bytes.slice(start, end));
    const [, order, kind] = /'descr': *'([<>|=]?)(\w+)'/.exec(header) ?? [];
    const shape = /'shape': *\(([\d, ]*)\)/.exec(header)?.[1].split(",").filter((text) => text.trim()).map(Number);
    if (!shape) refuse("the header of this .npy file cannot be read");
    if (!KINDS[kind] || order === ">") {
      refuse(`holds ${order ?? ""}${kind ?? "records"}: must be real numbers, float32, float64 or whole, little-endian`);
    }
    if (shape.length < 1 || shape.length > 2) refuse(`has ${shape.length} dimensions: must have 1 or 2`);
    const [rows, columns = 1] = shape;
    const count = rows * columns;
    if (end + count * KINDS[kind].BYTES_PER_ELEMENT > bytes.byteLength) refuse(`ends before its ${count} values do`);
    check(rows, columns);
    const stored = new KINDS[kind](bytes.slice(end, end + count * KINDS[kind].BYTES_PER_ELEMENT));
    const values = Float64Array.from(stored, Number);
    if (columns === 1 || !header.includes("'fortran_order': True")) return { rows, columns, values };
    return { rows, columns, values: values.map((_, i) => values[(i % columns) * rows + Math.floor(i / columns)]) };
  }

  function text() {
    const lines = new TextDecoder().decode(bytes).split(/\r\n|\n|\r/);
    const values = [];
    let [rows, columns, split, headed] = [0, 0, undefined, false];
    lines.forEach((line, number) => {
      const content = line.split("#")[0].trim();
      if (!content) return;
      split ??= [",", ";", "\t"].find((sign) => content.includes(sign)) ?? /\s+/;
      const cells = content.split(split).map((cell) => cell.trim());
      const wrong = cells.findIndex((cell) => !NUMBER.test(cell));
      if (wrong >= 0 && !columns && !headed) { // one line of names
        headed = true;
        return;
      }
      const place = `line ${number + 1}`;
      if (wrong >= 0) refuse(`${place}, column ${wrong + 1}: "${cells[wrong].slice(0, 20)}" is not a finite number`);
      columns ||= cells.length;
      if (cells.length !== columns) refuse(`${place} has ${cells.length} values: must have ${columns}, as the first`);
      for (const cell of cells) values.push(Number(cell));
      rows++;
    });
    check(rows, columns);
    return { rows, columns, values: Float64Array.from(values) };
  }

  function check(rows, columns) {
    if (rows * columns < 2) refuse(`holds ${rows * columns} values: must hold at least 2`);
    const list = rows === 1 || columns === 1;
    const [count, what] = list ? [rows * columns, "eigenvalues"] : [columns, "features (columns)"];
    if (count > features) refuse(`has ${count} ${what}: must have at most ${features}`);
  }

  if (bytes.byteLength > BYTES) refuse(`has ${Math.ceil(bytes.byteLength / 2 ** 20)} MB: must have at most 64 MB`);
  const table = /\.npy$/i.test(name) ? npy() : /\.(csv|txt|tsv|dat)$/i.test(name) ? text()
    : refuse("must be a .npy, .csv, .tsv, .txt or .dat file");
  const { rows, columns, values } = table;
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    refuse(`row ${Math.floor(wrong / columns) + 1}, column ${wrong % columns + 1}: ${values[wrong]} is not a finite number`);
  }
  return table;
}

/** A list of eigenvalues as the kernels take it: descending, of mean 1. */
function readSpectrum(name, values) {
  const wrong = values.findIndex((value) => value <= 0);
  if (wrong >= 0) throw new Error(`${name}: eigenvalue ${wrong + 1} is ${values[wrong]}: must be > 0`);
  const largest = values.reduce((a, b) => Math.max(a, b));
  const scaled = values.map((value) => value / largest).sort().reverse();
  const mean = scaled.reduce((a, b) => a + b) / scaled.length;
  return scaled.map((value) => value / mean);
}
