/** Sets the formulas of a page with MathJax, out of the way of everything else: MathJax, a megabyte, is loaded when the
 *  first live picture stands, and a formula is set when it comes near to the window, a few at a time. Of a chapter's
 *  hundreds most are never seen, and text that is being set moves under its reader's pointer.
 *  `setFormulas()` sets all that are left, for whoever prints the page. */
(() => {
  "use strict";
  const SLICE = 30; // ms that the page may be busy with formulas at a time
  const PATIENCE = 3000; // ms that the formulas wait for a picture
  const AHEAD = 600; // px below the window at which explorers start, as in page.js
  const NEAR = 1500; // px around the window in which formulas are set
  const program = new URL("mathjax/tex-chtml.js", document.currentScript.src);
  const left = new Set(document.querySelectorAll(".math")); // not set yet,
  const near = new Set(); // and near to the window: what is folded away is not
  let busy = false;
  let fulfil;
  const ready = new Promise((fulfilled) => { fulfil = fulfilled; });

  const distance = (formula) => {
    const { top, bottom } = formula.getBoundingClientRect();
    return Math.max(top - innerHeight, -bottom, 0);
  };

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting && left.has(target)) near.add(target);
      else near.delete(target);
    }
    setNear();
  }, { rootMargin: `${NEAR}px` });

  function take(formulas) {
    for (const formula of formulas) {
      left.delete(formula);
      near.delete(formula);
      observer.unobserve(formula);
    }
    return formulas;
  }

  async function setNear() {
    if (busy) return;
    busy = true;
    await ready;
    let count = 4;
    while (near.size) {
      const ranked = [...near].map((formula) => [distance(formula), formula]).sort(([a], [b]) => a - b);
      const begin = performance.now();
      await MathJax.typesetPromise(take(ranked.slice(0, count).map(([, formula]) => formula)));
      count = Math.max(4, Math.round(count * SLICE / (performance.now() - begin)));
      await new Promise((next) => setTimeout(next)); // to whatever else the page has to do
    }
    busy = false;
  }

  globalThis.setFormulas = async () => {
    await ready;
    await MathJax.typesetPromise(take([...left]));
  };
  addEventListener("beforeprint", () => globalThis.MathJax.typeset?.(take([...left])));

  globalThis.MathJax = {
    options: { menuOptions: { settings: { inTabOrder: false } } },
    startup: { pageReady: async () => fulfil() },
  };

  function load() {
    removeEventListener("explorer:drawn", load);
    clearTimeout(timer);
    const script = document.createElement("script");
    script.src = program;
    document.head.append(script);
    for (const formula of left) observer.observe(formula);
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
