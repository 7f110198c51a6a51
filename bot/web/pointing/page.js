// A picture of a display with a number on each window: a click on it says where one writes. Nothing is kept here but
// the key by which this browser was let in, for as long as its tab lives.

const LOOK_MS = 700;
const element = (id) => document.getElementById(id);
const [asks, stage, canvas, cross, where] = ["asks", "picture", "canvas", "cross", "where"].map(element);
const [windows, said, whose, agent, profile] = ["windows", "said", "whose", "agent", "profile"].map(element);
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
    const why = (await response.json().catch(() => null))?.error?.message ?? "Octet does not answer.";
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
    stage.hidden = false;
  }
  const wanted = next.windows.find((one) => one.is_wanted);
  const isOther = JSON.stringify(board?.windows) !== JSON.stringify(next.windows);
  board = next;
  asks.textContent = next.asks;
  whose.hidden = !next.agents.length;
  if (isOther) {
    list(next);
    if (wanted && next.windows.filter((one) => one.is_wanted).length === 1) move(...middle(wanted));
  }
  for (const line of next.said.slice(said.children.length)) say(line);
  document.body.dataset.ready = "true";
  if (next.is_over) stage.setAttribute("aria-busy", "true");
  return next.is_over;
}

const options = (names) => names.map((name) => Object.assign(document.createElement("option"), { value: name }));

function list({ windows: all, agents, profiles }) {
  element("agents").replaceChildren(...options(agents));
  element("profiles").replaceChildren(...options(profiles));
  windows.replaceChildren(
    ...all.map((one) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const named = one.agent ? ` (${one.agent})` : "";
      button.textContent = `${one.number}. ${one.title || one.kind}${named}`;
      button.addEventListener("click", () => {
        move(...middle(one));
        stage.focus();
      });
      if (one.is_wanted) item.setAttribute("aria-current", "true");
      item.append(button);
      return item;
    }),
  );
}

function say(line) {
  said.append(Object.assign(document.createElement("li"), { textContent: line }));
}

// Composers stand below the middle, most often.
const middle = ({ box }) => [box.x + box.width / 2, box.y + box.height * 0.85];

const under = (x, y) =>
  board.windows
    .filter(({ box }) => x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height)
    .sort((one, other) => one.box.width * one.box.height - other.box.width * other.box.height)[0];

function move(x, y) {
  at = [Math.max(0, Math.min(canvas.width - 1, Math.floor(x))), Math.max(0, Math.min(canvas.height - 1, Math.floor(y)))];
  cross.hidden = false;
  cross.style.left = `${((at[0] + 0.5) / canvas.width) * 100}%`;
  cross.style.top = `${((at[1] + 0.5) / canvas.height) * 100}%`;
  const one = under(...at);
  where.textContent = one
    ? `In window ${one.number}, “${one.title || one.kind}”, ${at[0] - one.box.x},${at[1] - one.box.y} from its corner.`
    : "No window is here.";
  if (one) agent.placeholder = one.agent;
}

async function show() {
  if (!at || busy || board?.is_over) return;
  busy = true;
  stage.setAttribute("aria-busy", "true");
  try {
    const [x, y] = at;
    const named = whose.hidden ? {} : { agent: agent.value, profile: profile.value };
    const told = await (await ask("POST", "click", { x, y, ...named })).json();
    where.textContent = told.text;
    if (told.is_good) agent.value = "";
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
