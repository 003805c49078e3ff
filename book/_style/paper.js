/** Paper is white: a page that is dark on the screen is printed from its light colours. */
(() => {
  "use strict";
  const { dataset } = document.documentElement;
  let theme; // the screen's, while the page is on paper

  function print() {
    theme ??= dataset.theme;
    dataset.theme = "light";
  }

  function show() {
    dataset.theme = theme ?? dataset.theme;
    theme = undefined;
  }

  addEventListener("beforeprint", print);
  addEventListener("afterprint", show);
  // A page that is shown as on paper, by a browser's tools or to be made a PDF of, hears only this.
  matchMedia("print").addEventListener("change", ({ matches }) => matches ? print() : show());
})();
