// Pictures of the demo's screen, fetched anew about each second while somebody looks.

import { el } from "/page/dom.js";

const EVERY_MS = 1000;
let watched = 0;

export function watchScreens(aside, count) {
  if (count === watched) return;
  watched = count;
  aside.hidden = count === 0;
  document.body.classList.toggle("with-screens", count > 0);
  const enlarge = el("button", { type: "button", class: "quiet", "aria-pressed": "false", testid: "enlarge" }, "Enlarge");
  enlarge.addEventListener("click", () => {
    const on = document.body.classList.toggle("screen-large");
    enlarge.setAttribute("aria-pressed", String(on));
    enlarge.textContent = on ? "Make smaller" : "Enlarge";
  });
  const figures = Array.from({ length: count }, (_, number) => screen(number));
  aside.replaceChildren(el("div", { class: "title" }, el("h2", {}, "The agents' screen"), enlarge), ...figures);
}

function screen(number) {
  const picture = el("img", { testid: "screen-picture", alt: "The screen with the agents' windows, as it is now", hidden: true });
  const words = el("figcaption", { class: "faint" }, "The screen's picture is not there yet.");
  const show = async () => {
    if (!document.hidden) {
      try {
        const response = await fetch(`/sandbox/screen.png?n=${number}`);
        if (!response.ok) throw new Error("no picture");
        const before = picture.src;
        picture.src = URL.createObjectURL(await response.blob());
        await picture.decode();
        if (before) URL.revokeObjectURL(before);
        picture.hidden = false;
        words.textContent = `As of ${new Date().toLocaleTimeString()}`;
      } catch {
        words.textContent = "The screen's picture is not there at the moment.";
      }
    }
    setTimeout(show, EVERY_MS);
  };
  show();
  return el("figure", {}, picture, words);
}
