/**
 * The part of a page's address behind #: an explorer and its state, as in #linear:beta=0.5,levels=256. Before page.js.
 */

/**
 * @param {string} explorer
 * @param {Values} values
 */
function writeAddress(explorer, values) {
  return `#${explorer}:${Object.entries(values).map((pair) => pair.join("=")).join(",")}`;
}

/**
 * Read an address as `writeAddress` or a person writes it.
 *
 * @param {string} hash
 * @returns {{ explorer: string, state: string }} a state of "" where there is none
 */
function readAddress(hash) {
  let text = hash.slice(1);
  try {
    text = decodeURIComponent(text);
  } catch { // cut or mistyped: read as it stands
  }
  const [explorer, state = ""] = text.split(":");
  return { explorer, state };
}

/**
 * Read the state in an address.
 *
 * @param {string} state
 * @param {string[]} names the controls that there are
 * @returns {{ values: [name: string, value: number][], unread: string[] }} what it says, and its parts that say nothing
 */
function readState(state, names) {
  /** @type {ReturnType<typeof readState>} */
  const { values, unread } = { values: [], unread: [] };
  for (const part of state.split(",")) {
    const [name, text = ""] = part.split("=");
    const [value] = readNumber(text);
    if (names.includes(name) && !Number.isNaN(value)) values.push([name, value]);
    else unread.push(part);
  }
  return { values, unread };
}
