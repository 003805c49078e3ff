/**
 * Read the reader's file as numbers, by the rules of lib/realdata.py. Part of the worker of page.js, after number.js.
 *
 * @param {string} name
 * @param {ArrayBuffer} bytes
 * @param {number} features the most that a table may have, or samples if these are fewer
 * @returns {Table}
 * @throws {Error} if something is wrong, with file, place and value
 */
function readTable(name, bytes, features) {
  const BYTES = 2 ** 26;
  const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  const MISSING = ["NA", "N/A", "n/a", "NULL", "null", "None", "<NA>", "?", "-", "--", "."];
  const LIKE_A_NUMBER = /^[+−–-]?([.,]?\d\S*|nan|inf|infinity)$/i;
  /** @type {Record<string, { new(bytes: ArrayBuffer): ArrayLike<number | bigint>, BYTES_PER_ELEMENT: number }>} */
  const KINDS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array,
    i8: BigInt64Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, u8: BigUint64Array, b1: Uint8Array };
  /** @type {(text: string) => never} */
  const refuse = (text) => { throw new Error(`${name}: ${text}`); };

  /** @returns {Table} */
  function npy() {
    const view = new DataView(bytes);
    if (bytes.byteLength < 12 || view.getUint32(0) !== 0x934e554d) {
      refuse("this is no .npy file of numbers, whatever its name");
    }
    const wide = view.getUint8(6) > 1;
    const start = wide ? 12 : 10;
    const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
    const header = new TextDecoder("latin1").decode(bytes.slice(start, end));
    const [, order, kind] = /'descr': *'([<>|=]?)(\w+)'/.exec(header) ?? [];
    const shape = /'shape': *\(([\d, ]*)\)/.exec(header)?.[1].split(",").filter((text) => text.trim()).map(Number);
    if (!shape) refuse("the header of this .npy file cannot be read");
    if (!KINDS[kind] || order === ">") {
      refuse(`holds ${order ?? ""}${kind ?? "records"}: `
        + "must be real numbers, float32, float64 or whole, little-endian");
    }
    if (shape.length < 1 || shape.length > 2) refuse(`has ${shape.length} dimensions: must have 1 or 2`);
    const [rows, columns = 1] = shape;
    const count = rows * columns;
    if (end + count * KINDS[kind].BYTES_PER_ELEMENT > bytes.byteLength) refuse(`ends before its ${count} values do`);
    check(rows, columns);
    const stored = new KINDS[kind](bytes.slice(end, end + count * KINDS[kind].BYTES_PER_ELEMENT));
    const values = Float64Array.from(stored, Number);
    const spacing = kind === "f4" ? 2 ** -23 : 2 ** -52;
    if (columns === 1 || !header.includes("'fortran_order': True")) return { rows, columns, values, spacing };
    const byRows = values.map((_, i) => values[(i % columns) * rows + Math.floor(i / columns)]);
    return { rows, columns, values: byRows, spacing };
  }

  /**
   * The cells of a line, without blanks and quotation marks around them.
   * @param {string} content
   * @param {string | null} separator null for blanks
   */
  function cut(content, separator) {
    const cells = separator ? content.split(separator).map((cell) => cell.trim()) : content.trim().split(/\s+/);
    return cells.map((cell) => /^".*"$/.test(cell) ? cell.slice(1, -1).trim() : cell);
  }

  /**
   * Whether a cell is a number, or may be two; where commas separate the cells, only a plain number counts.
   * @param {string} cell
   * @param {string | null} separator
   */
  function isNumber(cell, separator) {
    if (PLAIN.test(cell)) return true;
    if (separator === ",") return false;
    const [value, doubt] = readNumber(cell);
    return doubt !== "" || !Number.isNaN(value);
  }

  /**
   * Whether a line is one of names: some words, and nothing that is or stands for a number.
   * @param {string[]} cells
   * @param {string | null} separator
   */
  const isNames = (cells, separator) => cells.some((cell) => cell) && !cells.some((cell) =>
    MISSING.includes(cell) || LIKE_A_NUMBER.test(cell) || isNumber(cell, separator));

  /**
   * Whether a header leaves its first column without a name, as pandas does for an index: ,a,b or ,0,1.
   * @param {string | undefined} content
   * @param {string | null} separator
   */
  function isNameless(content, separator) {
    const [first, ...others] = content !== undefined && separator ? cut(content, separator) : ["no header"];
    return first === "" && others.length > 0
      && (isNames(others, separator) || others.every((cell, i) => cell === `${i}`));
  }

  /**
   * Find the first line that is all numbers.
   * @param {string[]} lines
   * @returns {[line: number, separator: string | null, indexed: boolean]} its index, the separator with which it is all
   *   numbers, and whether its first column is an index
   */
  function firstNumbers(lines) {
    for (const [i, content] of lines.entries()) {
      for (const separator of ["\t", ";", ",", null]) {
        if (separator && !content.includes(separator)) continue;
        if (!separator && (isNameless(content, "\t") || /\t *\t/.test(content))) continue; // blanks would close the gap
        const indexed = isNameless(lines[i - 1], separator);
        const cells = cut(content, separator).slice(indexed ? 1 : 0);
        if (cells.length && cells.every((cell) => isNumber(cell, separator))) return [i, separator, indexed];
      }
    }
    // nothing but words: said of the first line that is not just names
    return [lines.length, [",", ";", "\t"].find((sign) => lines[0]?.includes(sign)) ?? null, false];
  }

  /** @returns {Table} */
  function text() {
    /** @type {string[]} what a line holds */
    const lines = [];
    /** @type {number[]} and which one it is in the file */
    const places = [];
    const [one, two] = new Uint8Array(bytes.slice(0, 2)); // 16 bits a letter, as Excel and PowerShell write "Unicode"
    const code = one === 0xff && two === 0xfe ? "utf-16le" : one === 0xfe && two === 0xff ? "utf-16be" : "utf-8";
    new TextDecoder(code).decode(bytes).split(/\r\n|\n|\r/).forEach((line, i) => {
      const content = line.split("#")[0].trimEnd().replace(/^ +/, "");
      if (!content) return;
      places.push(i + 1);
      lines.push(content);
    });
    const [begin, separator, indexed] = firstNumbers(lines);
    const skip = indexed ? 1 : 0; // an index may be anything
    /** @type {(line: number, cells: string[], from: number, more?: string) => never} */
    const wrong = (line, cells, from, more = "") => {
      const at = Math.max(from, cells.findIndex((cell, i) => i >= from && !isNumber(cell, separator)));
      const shown = [...cells[at]].slice(0, 20).join("");
      refuse(`line ${places[line]}, column ${at + 1}: "${shown}" is not a finite number${more}`);
    };
    lines.slice(0, begin).forEach((content, i) => {
      const cells = cut(content, separator);
      if (!isNames(cells, separator) && !(indexed && i === begin - 1)) {
        wrong(i, cells, 0, i < lines.length - 1 ? " (a line of names holds no number; a comment begins with #)" : "");
      }
    });
    /** @type {number[]} */
    let values = [];
    let columns = 0;
    for (let line = begin; line < lines.length; line++) {
      const cells = cut(lines[line], separator);
      if (!cells.every((cell, i) => i < skip || isNumber(cell, separator))) wrong(line, cells, skip);
      const numbers = [];
      for (let i = skip; i < cells.length; i++) {
        const [value, doubt] = readNumber(cells[i]);
        if (doubt) refuse(`line ${places[line]}, column ${i + 1}: ${doubt}`);
        numbers.push(value);
      }
      columns ||= numbers.length;
      if (numbers.length !== columns) {
        refuse(`line ${places[line]} has ${cells.length} values: must have ${columns + skip}, as the first`);
      }
      for (const value of numbers) values.push(value);
    }
    let rows = lines.length - begin;
    let hint = indexed ? "the first column, which has no name, is left out" : "";
    if (!indexed && begin === 0 && separator === "," && lines.every((content) => /^[+-]?\d+,\d+$/.test(content))) {
      const [first] = lines;
      hint = `read as ${rows} samples of 2 whole numbers; if ${first} means ${
        first.replace(",", ".")}, write it with a point`;
    } else if (!indexed && rows > 2 && columns > 1 && [0, 1].includes(values[0])
        && values.every((value, i) => i % columns > 0 || value === values[0] + i / columns)) {
      hint = "the first column, which counts the rows, is left out";
      values = values.filter((_, i) => i % columns > 0);
      columns--;
    }
    check(rows, columns);
    return { rows, columns, values: Float64Array.from(values), spacing: 2 ** -52, hint };
  }

  /**
   * @param {number} rows
   * @param {number} columns
   */
  function check(rows, columns) {
    if (rows * columns < 2) refuse(`holds ${rows * columns} values: must hold at least 2`);
    if (rows === 1 || columns === 1) {
      if (rows * columns > features) refuse(`has ${rows * columns} eigenvalues: must have at most ${features}`);
    } else if (Math.min(rows, columns) > features) {
      refuse(`has ${rows} samples of ${columns} features (columns): must have at most ${features} of one of them`);
    }
  }

  if (bytes.byteLength > BYTES) refuse(`has ${Math.ceil(bytes.byteLength / 2 ** 20)} MB: must have at most 64 MB`);
  const beginning = String.fromCharCode(...new Uint8Array(bytes.slice(0, 6)));
  if (beginning.startsWith("PK\x03\x04")) {
    refuse("is an archive (.npz, .xlsx or .zip), whatever its name: must be one table, .npy or text");
  }
  if (beginning === "\x93NUMPY" && /\.(csv|txt|tsv|dat)$/i.test(name)) {
    refuse("is a .npy file, whatever its name: its name must end in .npy");
  }
  const table = /\.npy$/i.test(name) ? npy() : /\.(csv|txt|tsv|dat)$/i.test(name) ? text()
    : refuse("must be a .npy, .csv, .tsv, .txt or .dat file");
  const { columns, values } = table;
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    const [row, column] = [Math.floor(wrong / columns) + 1, wrong % columns + 1];
    refuse(`row ${row}, column ${column}: ${values[wrong]} is not a finite number`);
  }
  return table;
}

/**
 * A list of eigenvalues as the kernels take it: descending, of mean 1.
 *
 * @param {string} name
 * @param {Float64Array} values
 */
function readSpectrum(name, values) {
  const wrong = values.findIndex((value) => value <= 0);
  if (wrong >= 0) throw new Error(`${name}: eigenvalue ${wrong + 1} is ${values[wrong]}: must be > 0`);
  const largest = values.reduce((a, b) => Math.max(a, b));
  const scaled = values.map((value) => value / largest).sort().reverse();
  const mean = scaled.reduce((a, b) => a + b) / scaled.length;
  return scaled.map((value) => value / mean);
}
