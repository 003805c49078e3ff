/** Sets the formulas of a page with MathJax, out of the way of everything else: MathJax, a megabyte, is loaded when the
 *  first live picture stands, and sets a few formulas at a time, those nearest to the window first. `FORMULAS` is
 *  fulfilled when all are set. */
(() => {
  "use strict";
  const SLICE = 30; // ms that the page may be busy at a time with formulas that are nearly seen
  const FAR = 100; // ms with others: each slice is followed by a layout and a painting of the whole page
  const PATIENCE = 3000; // ms that the formulas wait for a picture
  const AHEAD = 600; // px below the window at which explorers start, as in page.js
  const program = new URL("mathjax/tex-chtml.js", document.currentScript.src);
  let done;
  globalThis.FORMULAS = new Promise((fulfilled) => { done = fulfilled; });

  /** How far a formula is from the window; what is folded away comes last. */
  function distance(formula) {
    if (formula.checkVisibility?.() === false) return Infinity;
    const { top, bottom } = formula.getBoundingClientRect();
    return Math.max(top - innerHeight, -bottom, 0);
  }

  async function pageReady() {
    let waiting = [...document.querySelectorAll(".math")];
    let count = 4;
    while (waiting.length) {
      const ranked = waiting.map((formula, i) => [distance(formula), i]).sort(([a, i], [b, j]) => a - b || i - j);
      const next = new Set(ranked.slice(0, count).map(([, i]) => waiting[i]));
      const slice = ranked[0][0] < AHEAD ? SLICE : FAR;
      waiting = waiting.filter((formula) => !next.has(formula));
      const begin = performance.now();
      await MathJax.typesetPromise([...next]);
      count = Math.max(4, Math.round(count * slice / (performance.now() - begin)));
      await new Promise((next) => setTimeout(next)); // to whatever else the page has to do
    }
    done();
  }

  globalThis.MathJax = { options: { menuOptions: { settings: { inTabOrder: false } } }, startup: { pageReady } };

  function load() {
    removeEventListener("explorer:drawn", load);
    clearTimeout(timer);
    const script = document.createElement("script");
    script.src = program;
    document.head.append(script);
  }
  const timer = setTimeout(load, PATIENCE);
  // An explorer starts where it is nearly seen, or where the address leads to it.
  const starts = [...document.querySelectorAll(".explorer[data-explorer]")].some((explorer) => {
    const { top, bottom } = explorer.getBoundingClientRect();
    return location.hash.startsWith(`#${explorer.dataset.explorer}`) || bottom > -AHEAD && top < innerHeight + AHEAD;
  });
  if (starts) addEventListener("explorer:drawn", load);
  else load();
})();
