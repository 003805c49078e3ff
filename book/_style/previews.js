/** Shows what a link of the text leads to (an equation, a figure's caption, a work cited, an exercise) beside it,
 *  and beside a formula what its symbols mean.
 *  The texts are a script too, loaded with the first preview: a page from a folder may not fetch.
 *  By keyboard the formulas of a section are one stop, and the arrows up and down lead from one to the next. */
(() => {
  "use strict";
  const DELAY = 200; // ms that the pointer rests before a preview comes
  const HEAD = 64; // px, the bar with the page's buttons and a gap
  const own = document.currentScript.src;
  const tip = document.createElement("div");
  tip.className = "preview";
  tip.id = "preview";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let texts;
  let timer;
  let asked;

  const load = () => texts ??= new Promise((done) => {
    const script = document.createElement("script");
    script.src = new URL("preview-texts.js", own);
    script.onload = () => done(globalThis.PREVIEWS);
    script.onerror = () => { // the next preview tries again
      script.remove();
      texts = undefined;
      done({});
    };
    document.head.append(script);
  });

  const root = new URL("..", own).href;
  const named = (link) => [link.href.slice(root.length).split(/\.html|#/)[0], decodeURIComponent(link.hash.slice(1))];
  const ofLink = (texts, link) => {
    const [page, id] = named(link);
    return texts[page]?.[id];
  };
  // A formula names its symbols by its classes; the notation's page, whichever it is, has their rows.
  const ofFormula = (texts, formula) => [...formula.classList].filter((name) => name.startsWith("symbol-"))
    .map((name) => Object.values(texts).find((page) => name in page)?.[name]).join("");

  // The formulas of a section or a fold, those with symbols and displayed ones, and the one that is its stop.
  const part = (formula) => formula.closest("details, .dropdown, section");
  const parts = new Map();
  const wide = new Set(); // those that must be scrolled are stops as well
  const mark = (formula) => {
    formula.tabIndex = wide.has(formula) || parts.get(part(formula)).stop === formula ? 0 : -1;
  };
  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      wide[target.scrollWidth > target.clientWidth ? "add" : "delete"](target);
      mark(target);
    }
  });
  for (const formula of document.querySelectorAll("article .math[class*='symbol-'], article div.math")) {
    if (!parts.has(part(formula))) parts.set(part(formula), { formulas: [], stop: formula });
    const here = parts.get(part(formula));
    here.formulas.push(formula);
    mark(formula);
    if (formula.matches("div")) widths.observe(formula);
    formula.addEventListener("focus", () => {
      here.stop = formula;
      here.formulas.forEach(mark);
    });
    formula.addEventListener("keydown", (event) => {
      const next = here.formulas[here.formulas.indexOf(formula) + { ArrowUp: -1, ArrowDown: 1 }[event.key]];
      if (!next) return;
      event.preventDefault();
      next.focus();
    });
  }

  async function show(node) {
    hide();
    asked = node;
    const markup = (node.matches("a") ? ofLink : ofFormula)(await load(), node);
    if (!markup || asked !== node) return;
    const others = node.matches(".math:focus-visible") && parts.get(part(node)).formulas.length > 1;
    tip.innerHTML = markup + (others ? "<p class='symbol'><small>↑ ↓ other formulas of this section</small></p>" : "");
    tip.hidden = false;
    node.setAttribute("aria-describedby", tip.id);
    await globalThis.MathJax?.typesetPromise?.([tip]);
    if (asked !== node) return;
    const { left, top, bottom } = node.getBoundingClientRect();
    // Below, unless it has room above alone; the page's buttons cover the top of the screen.
    const below = bottom + tip.offsetHeight + 8 < innerHeight || top < tip.offsetHeight + HEAD;
    tip.style.left = `${scrollX + Math.max(8, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${scrollY + (below ? bottom + 4 : top - tip.offsetHeight - 4)}px`;
  }

  function hide() {
    clearTimeout(timer);
    asked?.removeAttribute("aria-describedby");
    asked = undefined;
    tip.hidden = true;
  }

  for (const node of document.querySelectorAll(
    "article a.reference.internal[href*='#'], article .math[class*='symbol-']")) {
    node.addEventListener("pointerenter", ({ pointerType }) => {
      if (pointerType !== "mouse") return;
      clearTimeout(timer); // of a preview that was to go
      timer = setTimeout(show, DELAY, node);
    });
    node.addEventListener("focusin", ({ target }) => target.matches(":focus-visible") && show(node));
    node.addEventListener("pointerleave", ({ pointerType }) => {
      if (pointerType !== "mouse") return;
      clearTimeout(timer);
      timer = setTimeout(() => tip.matches(":hover") || hide(), DELAY); // time to reach the preview itself
    });
    node.addEventListener("focusout", hide);
    // A finger has nothing to hover with; a link it follows, a formula it asks.
    if (!node.matches("a")) node.addEventListener("click", () => show(node));
  }
  addEventListener("pointerdown", ({ target }) => target.closest?.(".math, .preview") || hide());
  tip.addEventListener("pointerleave", hide);
  addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  addEventListener("resize", hide);
})();
