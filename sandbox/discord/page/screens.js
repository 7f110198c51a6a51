// The picture of the demo's screen, fetched anew about each second while somebody looks. Its left and right halves
// stand one above the other beside the chat; the dialog shows it whole.

import { el } from "/page/dom.js";

const EVERY_MS = 1000;
const ALT = "The screen with the agents' windows, as it is now";
let isWatched = false;

export function watchScreen(aside) {
  if (isWatched) return;
  isWatched = true;
  aside.hidden = false;
  document.body.classList.add("with-screen");
  const whole = el("img", { testid: "screen-large", alt: ALT });
  const close = el("button", { type: "button", class: "quiet", testid: "make-smaller", onclick: () => large.close() }, "Close");
  const large = el("dialog", { class: "large", "aria-label": "The agents' screen" }, el("div", { class: "title" }, el("h2", {}, "The agents' screen"), close), el("div", { class: "whole", tabindex: "0" }, whole));
  const halves = ["left", "right"].map((side) => el("img", { class: side, testid: "screen-picture", alt: side === "left" ? ALT : "", hidden: true }));
  const enlarge = el("button", { type: "button", class: "quiet", testid: "enlarge", disabled: true, onclick: () => large.showModal() }, "Starting…");
  const words = el("figcaption", { class: "faint" }, "The agents' screen is starting…");
  halves.forEach((half) => half.addEventListener("click", () => large.showModal()));
  aside.replaceChildren(el("div", { class: "title" }, el("h2", {}, "The agents' screen"), enlarge), el("figure", {}, halves, words), large);
  follow([...halves, whole], enlarge, words);
}

async function follow(pictures, enlarge, words) {
  if (!document.hidden) {
    try {
      const response = await fetch("/sandbox/screen.png");
      if (!response.ok) throw new Error("no picture");
      if (response.status !== 204) {
        const before = pictures[0].src;
        const address = URL.createObjectURL(await response.blob());
        pictures.forEach((picture) => (picture.src = address));
        await pictures[0].decode();
        if (before) URL.revokeObjectURL(before);
        pictures.forEach((picture) => (picture.hidden = false));
        enlarge.disabled = false;
        enlarge.textContent = "Enlarge";
        words.textContent = `As of ${new Date().toLocaleTimeString()}`;
      }
    } catch {
      words.textContent = "The screen's picture is not there at the moment.";
    }
  }
  setTimeout(() => follow(pictures, enlarge, words), EVERY_MS);
}
