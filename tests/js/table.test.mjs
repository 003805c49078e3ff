import assert from "node:assert/strict";
import { test } from "node:test";

import { script } from "./load.mjs";

script("widgets/number.js");
script("widgets/table.js");

const text = (content, name = "a.csv") => readTable(name, new TextEncoder().encode(content).buffer, 8);

/** A .npy file of version 1. */
function npy(descr, shape, values, order = "False") {
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`;
  const bytes = new Uint8Array(10 + header.length + values.byteLength);
  bytes.set([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length % 256, Math.floor(header.length / 256)]);
  bytes.set(Buffer.from(header), 10);
  bytes.set(new Uint8Array(values.buffer), 10 + header.length);
  return bytes.buffer;
}

test("a table of numbers, with a line of names and comments", () => {
  const { rows, columns, values, spacing, hint } = text("# made by hand\nx,y\n1,2\n3,-4e1 # last\n\n");
  assert.deepEqual([rows, columns, [...values], spacing, hint], [2, 2, [1, 2, 3, -40], 2 ** -52, ""]);
});

test("cells may be separated by tabs, semicolons, commas or blanks", () => {
  for (const content of ["1\t2\n3\t4", "1;2\n3;4", "1,2\n3,4", "1 2\n 3   4", '"1", 2\r\n3,4\r\n']) {
    assert.deepEqual([...text(content).values], [1, 2, 3, 4], content);
  }
});

test("with semicolons a comma is a decimal one", () => {
  assert.deepEqual([...text("1,5;2\n3;4").values], [1.5, 2, 3, 4]);
});

test("an index is left out, and it is said", () => {
  const named = text(",a,b\nx,1,2\ny,3,4");
  assert.deepEqual([...named.values], [1, 2, 3, 4]);
  assert.match(named.hint, /no name/);
  const counted = text("0,5,6\n1,7,8\n2,9,1");
  assert.deepEqual([counted.columns, ...counted.values], [2, 5, 6, 7, 8, 9, 1]);
  assert.match(counted.hint, /counts the rows/);
});

test("whole numbers with one comma are pairs, and the doubt is said", () => {
  const { columns, hint } = text("1,25\n2,50");
  assert.equal(columns, 2);
  assert.match(hint, /if 1,25 means 1\.25/);
});

test("what is wrong is refused, with file and place", () => {
  for (const [content, message] of [
    ["1,2\n3", "a.csv: line 2 has 1 values: must have 2, as the first"],
    ["1,2\n3,NA", 'a.csv: line 2, column 2: "NA" is not a finite number'],
    ["1,2\n3,inf", 'a.csv: line 2, column 2: "inf" is not a finite number'],
    ["1;2,500", "a.csv: line 1, column 2: 2,500 may mean 2500 or 2.500: write one of the two"],
    ["7", "a.csv: holds 1 values: must hold at least 2"],
    ["1\n2\n3\n4\n5\n6\n7\n8\n9", "a.csv: has 9 eigenvalues: must have at most 8"],
    ["1,1e999\n2,3", "a.csv: row 1, column 2: Infinity is not a finite number"],
  ]) assert.throws(() => text(content), { message });
  assert.throws(() => text("1,2\n3,4", "a.xls"), { message: /must be a .npy, .csv/ });
  assert.throws(() => text("PK\x03\x04", "a.csv"), { message: /is an archive/ });
});

test(".npy of every kind, by rows and by columns", () => {
  assert.deepEqual([...readTable("a.npy", npy("<f8", "2, 2", Float64Array.of(1, 2, 3, 4)), 8).values], [1, 2, 3, 4]);
  assert.deepEqual([...readTable("a.npy", npy("<f8", "2, 2", Float64Array.of(1, 2, 3, 4), "True"), 8).values],
    [1, 3, 2, 4]);
  const single = readTable("a.npy", npy("<f4", "3,", Float32Array.of(1, 0.5, 0.25)), 8);
  assert.deepEqual([single.rows, single.columns, single.spacing, ...single.values], [3, 1, 2 ** -23, 1, 0.5, 0.25]);
  assert.deepEqual([...readTable("a.npy", npy("<i8", "2,", BigInt64Array.of(-1n, 2n)), 8).values], [-1, 2]);
  assert.deepEqual([...readTable("a.npy", npy("|b1", "2,", Uint8Array.of(1, 0)), 8).values], [1, 0]);
});

test(".npy files that hold something else are refused", () => {
  for (const [bytes, message] of [
    [npy(">f8", "2,", Float64Array.of(1, 2)), /holds >f8: must be real numbers/],
    [npy("<c16", "1,", Float64Array.of(1, 2)), /holds <c16/],
    [npy("<f8", "3,", Float64Array.of(1, 2)), /ends before its 3 values do/],
    [npy("<f8", "1, 1, 2", Float64Array.of(1, 2)), /has 3 dimensions/],
    [new TextEncoder().encode("1,2,3,4,5,6,7").buffer, /this is no .npy file/],
  ]) assert.throws(() => readTable("a.npy", bytes, 8), { message });
  assert.throws(() => readTable("a.csv", npy("<f8", "2,", Float64Array.of(1, 2)), 8), { message: /must end in .npy/ });
});

test("eigenvalues descend and have mean 1", () => {
  assert.deepEqual([...readSpectrum("a.csv", Float64Array.of(1, 4, 1))], [2, 0.5, 0.5]);
  assert.throws(() => readSpectrum("a.csv", Float64Array.of(1, 0)),
    { message: "a.csv: eigenvalue 2 is 0: must be > 0" });
});
