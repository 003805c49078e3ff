/**
 * The part of a page's address behind #: an explorer and its state, as in
 * #linear:beta=0.5,levels=256;pin,beta=1;hidden,law;more. Before page.js, and in front of the user interface's module.
 *
 * A state begins with changes: control=number, the name of a preset, "reset", or "data=own" where the data is a file of
 * the reader's own, which no address holds. Behind semicolons come the pinned states, each by its changes of the present
 * one; the curves that are hidden; and "more", for open folded controls.
 */

/**
 * Write the state of an explorer's model as `readState` reads it.
 *
 * @param {Record<string, any>} values those of the controls, and of `_pins`, `_hidden` and `_more`
 * @param {boolean} [own] whether it is of the reader's own data
 */
function writeState({ _pins = [], _hidden = [], _more = false, ...values }, own = false) {
  /** @type {(names: string[], values: Values) => string[]} */
  const pairs = (names, values) => names.map((name) => `${name}=${values[name]}`);
  const names = Object.keys(values);
  /** @param {Values} pin */
  const changed = (pin) => pairs(names.filter((name) => pin[name] !== values[name]), pin);
  return [[...pairs(names, values), ...own ? ["data=own"] : []], ..._pins.map((/** @type {Values} */ pin) => ["pin", ...changed(pin)]),
    ..._hidden.length ? [["hidden", ..._hidden]] : [], ..._more ? ["more"] : []].join(";");
}

/**
 * Read an address as a page or a person writes it.
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
 * @param {Pick<Spec, "controls" | "presets" | "curves">} spec
 * @param {Values} now values of the controls, which stay where the state does not change them
 * @returns {{ values: Record<string, any>, own: boolean, unread: string[] }} what a model takes, whether it is of the
 *   reader's own data, and the parts that say nothing
 */
function readState(state, { controls, presets, curves }, now) {
  /** @type {string[]} */
  const unread = [];
  /** @type {(parts: string[]) => Values} */
  const changes = (parts) => {
    /** @type {Values} */
    const values = {};
    for (const part of parts) {
      const [name, text = ""] = part.split("=");
      const [value] = readNumber(text);
      const preset = presets.find((preset) => preset.name === part);
      if (part === "reset") controls.forEach((control) => { values[control.name] = control.default; });
      else if (preset) Object.assign(values, preset.values);
      else if (controls.some((control) => control.name === name) && !Number.isNaN(value)) values[name] = value;
      else unread.push(part);
    }
    return values;
  };
  const [first, ...others] = state.split(";").map((section) => section.split(","));
  const own = first.includes("data=own");
  const present = changes(first.filter((part) => part !== "data=own"));
  /** @type {Record<string, any>} */
  const values = { ...present };
  if (others.length) Object.assign(values, { _pins: [], _hidden: [], _more: false });
  for (const [kind, ...parts] of others) {
    if (kind === "pin") values._pins.push({ ...now, ...present, ...changes(parts) });
    else if (kind === "hidden") {
      for (const name of parts) (curves.some((curve) => curve.name === name) ? values._hidden : unread).push(name);
    } else if (kind === "more") values._more = true;
    else unread.push([kind, ...parts].join(","));
  }
  return { values, own, unread };
}
