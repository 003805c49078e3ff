// Starts the slides of a chapter (book/_ext/slides.py), which reveal.js turns, and MathJax after them.

window.MathJax = { options: { processHtmlClass: "tex2jax_process|math" } };

// Keys and touches on an explorer are the explorer's own.
for (const explorer of document.querySelectorAll(".explorer")) {
  explorer.addEventListener("keydown", (event) => event.stopPropagation());
  explorer.setAttribute("data-prevent-swipe", "");
}
// A link to the state of an explorer leads to its slide.
addEventListener("explorer:followed", (event) => {
  event.preventDefault();
  const slide = event.target.closest("section");
  const show = () => Reveal.slide([...slide.parentElement.children].indexOf(slide));
  if (Reveal.isReady()) show();
  else Reveal.on("ready", show);
});
// What is too large for a slide is set in smaller type; an explorer is scrolled, and a table that is too long even so.
const fit = () => {
  const slide = Reveal.getCurrentSlide();
  const wide = () => [...slide.querySelectorAll("div.math, .output")]
    .some((node) => node.scrollWidth > node.clientWidth + 1);
  for (let size = 100; size >= 50; size -= 5) {
    slide.style.fontSize = `${size}%`;
    if (slide.querySelector(".explorer") || (slide.scrollHeight <= slide.clientHeight && !wide())) break;
  }
};
Reveal.on("slidechanged", fit);
addEventListener("load", () => MathJax.startup?.promise.then(fit));
// After the explorers, which read the address first.
addEventListener("DOMContentLoaded", () => Reveal.initialize({ width: 1120, height: 700, margin: 0.03, center: false,
  hash: true, transition: "none", slideNumber: "c/t", plugins: [RevealNotes] }));
