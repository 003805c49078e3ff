/** Shows what a link of the text leads to (an equation, a figure's caption, a work cited, an exercise) beside it.
 *  The texts are a script too, loaded with the first preview: a page from a folder may not fetch. */
(() => {
  "use strict";
  const DELAY = 200; // ms that the pointer rests before a preview comes
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

  async function show(link) {
    asked = link;
    const [page, id] = named(link);
    const markup = (await load())[page]?.[id];
    if (!markup || asked !== link) return;
    tip.innerHTML = markup;
    tip.hidden = false;
    await globalThis.MathJax?.typesetPromise?.([tip]);
    if (asked !== link) return;
    const { left, top, bottom } = link.getBoundingClientRect();
    const below = bottom + tip.offsetHeight + 8 < innerHeight;
    tip.style.left = `${scrollX + Math.max(8, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${scrollY + (below ? bottom + 4 : top - tip.offsetHeight - 4)}px`;
    link.setAttribute("aria-describedby", tip.id);
  }

  function hide() {
    clearTimeout(timer);
    asked?.removeAttribute("aria-describedby");
    asked = undefined;
    tip.hidden = true;
  }

  for (const link of document.querySelectorAll("article a.reference.internal[href*='#']")) {
    link.addEventListener("pointerenter", ({ pointerType }) => {
      if (pointerType !== "mouse") return;
      clearTimeout(timer); // of a preview that was to go
      timer = setTimeout(show, DELAY, link);
    });
    link.addEventListener("focus", () => link.matches(":focus-visible") && show(link));
    link.addEventListener("pointerleave", () => {
      clearTimeout(timer);
      timer = setTimeout(() => tip.matches(":hover") || hide(), DELAY); // time to reach the preview itself
    });
    link.addEventListener("blur", hide);
  }
  tip.addEventListener("pointerleave", hide);
  addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  addEventListener("resize", hide);
})();
