/**
 * Load the pages' JavaScript as a page does: classic scripts into the global scope, then a module that calls them.
 * (A page hands its module over as one text with number.js in front; here the module keeps its file, for messages.)
 */
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

const LIB = new URL("../../lib/", import.meta.url);

/** Run a classic script; its functions become global. */
export function script(name) {
  const file = new URL(name, LIB);
  runInThisContext(readFileSync(file, "utf8"), { filename: file.pathname });
}

/** Import a module of lib, which may call the functions of number.js and address.js. */
export function load(name) {
  script("widgets/number.js");
  script("widgets/address.js");
  return import(new URL(name, LIB));
}
