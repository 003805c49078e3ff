/** Shows what a link of the text leads to (an equation, a figure's caption, a work cited, an exercise) beside it,
 *  and beside a formula what its symbols mean.
 *  The texts are a script too, loaded with the first preview: a page from a folder may not fetch. */
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
    script.onerror = () => done({});
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

  // What has the focus: a link itself, or MathJax's container in a formula.
  const focusable = (node) => node.matches("a") ? node : node.querySelector("mjx-container");

  async function show(node) {
    hide();
    asked = node;
    const markup = (node.matches("a") ? ofLink : ofFormula)(await load(), node);
    if (!markup || asked !== node) return;
    tip.innerHTML = markup;
    tip.hidden = false;
    focusable(node)?.setAttribute("aria-describedby", tip.id);
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
    if (asked) focusable(asked)?.removeAttribute("aria-describedby");
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
