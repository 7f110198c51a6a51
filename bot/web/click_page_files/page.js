// A picture of a display with a frame around one window: a click on it says where its composer is. Nothing is kept here but
// the key by which this browser was let in, for as long as its tab lives.

const LOOK_MS = 700;
const element = (id) => document.getElementById(id);
const [asks, stage, canvas, cross, where] = ["asks", "picture", "canvas", "cross", "where"].map(element);
const lines = element("lines");
let board = null;
let shown = 0;
let at = null; // in pixels of the picture
let busy = false;

async function ask(method, path, body) {
  const response = await fetch(`/point/${path}`, {
    method,
    cache: "no-store",
    headers: { Authorization: `Bearer ${sessionStorage.getItem("key") ?? ""}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) {
    const why = (await response.json().catch(() => null))?.detail ?? "Octet does not answer.";
    throw Object.assign(new Error(why), { status: response.status });
  }
  return response;
}

async function enter() {
  const token = location.hash.slice(1);
  if (token) {
    history.replaceState(null, "", location.pathname); // it is good once, and need not stand in the history
    sessionStorage.removeItem("key");
    sessionStorage.setItem("key", (await (await ask("POST", "enter", { token })).json()).key);
  }
}

async function look() {
  const next = await (await ask("GET", "board")).json();
  if (next.picture && next.picture !== shown) {
    const bitmap = await createImageBitmap(await (await ask("GET", "picture")).blob());
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    shown = next.picture;
    move(next.box.x + next.box.width / 2, next.box.y + next.box.height * 0.85, next.box); // where composers are, mostly
  }
  board = next;
  asks.textContent = next.asks;
  stage.hidden = !next.box;
  for (const line of next.lines.slice(lines.children.length)) say(line);
  document.body.dataset.ready = "true";
  if (next.is_over) stage.setAttribute("aria-busy", "true");
  return next.is_over;
}

function say(line) {
  lines.append(Object.assign(document.createElement("li"), { textContent: line }));
}

function move(x, y, box = board.box) {
  at = [Math.max(0, Math.min(canvas.width - 1, Math.floor(x))), Math.max(0, Math.min(canvas.height - 1, Math.floor(y)))];
  cross.hidden = false;
  cross.style.left = `${((at[0] + 0.5) / canvas.width) * 100}%`;
  cross.style.top = `${((at[1] + 0.5) / canvas.height) * 100}%`;
  where.textContent = `${at[0] - box.x},${at[1] - box.y} from the window's corner.`;
}

async function show() {
  if (!at || busy || !board?.box) return;
  busy = true;
  stage.setAttribute("aria-busy", "true");
  try {
    const [x, y] = at;
    where.textContent = "Octet tries it.";
    await ask("POST", "click", { x, y });
  } catch (trouble) {
    where.textContent = trouble.message;
  } finally {
    busy = false;
    stage.removeAttribute("aria-busy");
  }
}

canvas.addEventListener("click", (event) => {
  // The browser may draw the picture smaller, and its pixels are not the screen's: only the share of its width counts.
  const drawn = canvas.getBoundingClientRect();
  move(
    ((event.clientX - drawn.left) / drawn.width) * canvas.width,
    ((event.clientY - drawn.top) / drawn.height) * canvas.height,
  );
  void show();
});

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
stage.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key in STEPS) {
    const [x, y] = at ?? [canvas.width / 2, canvas.height / 2];
    const by = event.shiftKey ? 10 : 1;
    move(x + STEPS[event.key][0] * by, y + STEPS[event.key][1] * by);
  } else if (event.key === "Enter" || event.key === " ") void show();
  else return;
  event.preventDefault();
});

try {
  await enter();
  for (;;) {
    try {
      if (await look()) break;
    } catch (trouble) {
      if (trouble.status === 403) throw trouble;
      asks.textContent = trouble.status ? trouble.message : "Octet does not answer; it may have ended.";
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
} catch (trouble) {
  asks.textContent = trouble.message;
  document.body.dataset.ready = "refused";
}
