// The page: holds what the sandbox told, shows channels and messages, and follows the news.

import { Composer } from "/page/composer.js";
import { el } from "/page/dom.js";
import { messageView } from "/page/message.js";
import { showModal } from "/page/modal.js";
import { act, ask, listen } from "/page/net.js";
import { watchScreen } from "/page/screens.js";

const $ = (id) => document.getElementById(id);
const SHOWN = 300;
const NEAR_END = 80;
const THREADS = 8;
const PROBLEMS = 3;
const PROBLEM_MS = 10_000;

const app = {
  me: { id: "", global_name: "" },
  folk: new Map(),
  ranks: [],
  places: new Map(),
  messages: new Map(),
  offered: [],
  here: null,
  seen: {},
  unfolded: new Set(),
  stop: null,
  names: {
    user: (id) => app.folk.get(String(id))?.global_name || app.folk.get(String(id))?.username || "somebody",
    channel: (id) => app.places.get(String(id))?.name || "a channel",
    open: (id) => open(id),
  },
  channel: (id) => app.places.get(id),
  open: (id) => open(id),
  commands: () => app.offered,
  people: () => [...app.folk.values()].map((one) => ({ name: one.global_name || one.username, value: one.id })),
  roles: () => app.ranks.map((one) => ({ name: one.name, value: one.id })),
  channels: (types) => [...app.places.values()].filter((one) => (types?.length ? types.includes(one.type) : one.type !== 1)).map((one) => ({ name: one.name, value: one.id })),
  complain: (text) => complain(text, app.here),
  say: (text) => tried(() => act("say", { user: app.me.id, channel: app.here, text })),
  slash: (command, options) => answered(`/${command}`, () => act("slash", { user: app.me.id, channel: app.here, command, options })),
  autocomplete: (command, options, focused) => act("autocomplete", { user: app.me.id, channel: app.here, command, options, focused }),
  press: (message, part, values) => answered(part.label || "the menu", () => act("click", { user: app.me.id, message: message.id, button: part.custom_id, values })),
  use: (message, command) => answered(command.name, () => act("use_on_message", { user: app.me.id, message: message.id, command: command.name })),
  dismiss: (message) => tried(() => act("dismiss", { user: app.me.id, message: message.id })),
};

// A link to a channel or thread opens it here, as a client does.
document.addEventListener("click", (event) => {
  const place = event.target.closest?.("a")?.href.match(/^https:\/\/discord\.com\/channels\/[^/]+\/(\d+)/)?.[1];
  if (!app.places.has(place)) return;
  event.preventDefault();
  open(place);
});

// Acting

async function tried(doing) {
  try {
    return await doing();
  } catch (error) {
    complain(error.message, app.here);
    return null;
  }
}

// Sends an act, says that it is under way, and shows how it was answered.
async function answered(label, doing) {
  const where = app.here;
  const waiting = el("p", { class: "sending", testid: "sending" }, `${label} — sent, waiting for the answer…`);
  const late = setTimeout(() => $("notices").append(waiting), 250);
  const answer = await tried(doing);
  clearTimeout(late);
  waiting.remove();
  if (answer?.kind === "failed") complain(`${label} failed. ${answer.failure}.`, where);
  if (answer?.kind === "modal") {
    showModal(answer.modal, app, async (values) => {
      const sent = await act("submit_modal", { user: app.me.id, interaction_id: answer.interaction_id, values });
      if (sent.kind === "failed") throw new Error(`${sent.failure}.`);
    });
  }
  return answer;
}

function complain(text, where) {
  if (where !== app.here) return;
  const dismiss = el("button", { type: "button", class: "textual", onclick: () => note.remove() }, "dismiss");
  const note = el("p", { class: "problem", testid: "problem" }, text, " ", dismiss);
  let timer;
  const stay = () => clearTimeout(timer);
  const leave = () => {
    stay();
    timer = setTimeout(() => note.remove(), PROBLEM_MS);
  };
  for (const [event, does] of [["mouseenter", stay], ["focusin", stay], ["mouseleave", leave], ["focusout", leave]]) note.addEventListener(event, does);
  const shown = () => [...document.querySelectorAll("#notices .problem")];
  shown().filter((one) => one.textContent === note.textContent).forEach((one) => one.remove());
  $("notices").append(note);
  shown().slice(0, -PROBLEMS).forEach((one) => one.remove());
  leave();
}

// Places

function open(id) {
  if (!app.places.has(id)) return;
  app.here = id;
  $("notices").replaceChildren();
  document.body.classList.remove("menu-open");
  $("menu").setAttribute("aria-expanded", "false");
  drawMessages();
  drawChannels();
  drawTitle();
  if (matchMedia("(min-width: 760px)").matches) document.querySelector("#composer textarea")?.focus();
}

function drawTitle() {
  const place = app.places.get(app.here);
  const parent = place?.parent_id && app.places.get(place.parent_id);
  $("title").textContent = !place ? "" : parent ? place.name : place.type === 1 ? `${app.names.user(app.me.id)} and the app` : `# ${place.name}`;
  $("subtitle").replaceChildren(
    ...(parent ? ["a thread in ", el("button", { type: "button", class: "textual", onclick: () => open(parent.id) }, `#${parent.name}`)] : []),
    place?.thread_metadata?.archived ? " · archived" : "",
  );
}

function drawChannels() {
  const all = [...app.places.values()];
  const tops = all.filter((place) => !place.parent_id);
  const items = tops.map((top) => el("li", {}, channelButton(top), threadsOf(top, all)));
  const focused = $("channels").contains(document.activeElement) && document.activeElement.dataset.testid;
  $("channels").replaceChildren(el("ul", { class: "places" }, items));
  if (focused) $("channels").querySelector(`[data-testid="${focused}"]`)?.focus();
  const total = all.reduce((sum, place) => sum + counts(place.id).pings, 0);
  document.title = total ? `(${total}) Octet sandbox` : "Octet sandbox";
  $("menu").textContent = total ? `Channels (${total})` : "Channels";
}

// The newest threads, and the one that is open; the others are folded.
function threadsOf(top, all) {
  const threads = all.filter((place) => place.parent_id === top.id).sort(byLife);
  const isShown = (one, at) => (at < THREADS && !one.thread_metadata?.archived) || one.id === app.here;
  const folded = threads.filter((one, at) => !isShown(one, at));
  const items = (some) => some.map((thread) => el("li", {}, channelButton(thread)));
  const keep = (event) => app.unfolded[event.target.open ? "add" : "delete"](top.id);
  const pings = badge(`older-${top.name}`, folded.reduce((sum, one) => sum + counts(one.id).pings, 0));
  const older = el("details", { open: app.unfolded.has(top.id), ontoggle: keep }, el("summary", { testid: `older-${top.name}` }, `${folded.length} older `, pings), el("ul", {}, items(folded)));
  return [el("ul", {}, items(threads.filter(isShown))), folded.length ? older : null];
}

function badge(id, pings) {
  return pings ? el("span", { class: "badge", testid: `pings-${id}`, "aria-label": `${pings} messages ping you` }, String(pings)) : null;
}

function byLife(a, b) {
  const gone = Number(Boolean(a.thread_metadata?.archived)) - Number(Boolean(b.thread_metadata?.archived));
  return gone || (BigInt(a.id) < BigInt(b.id) ? 1 : -1);
}

function channelButton(place) {
  const { unread, pings } = counts(place.id);
  const isThread = Boolean(place.parent_id);
  const classes = ["place", isThread && "thread", unread && "unread", place.thread_metadata?.archived && "archived"].filter(Boolean).join(" ");
  const name = place.type === 1 ? "Direct messages" : place.name;
  return el(
    "button",
    { type: "button", class: classes, testid: isThread ? `thread-${place.id}` : `channel-${place.name}`, "aria-current": place.id === app.here ? "page" : null, onclick: () => open(place.id) },
    el("span", { class: "mark", "aria-hidden": "true" }, isThread ? "↳" : place.type === 1 ? "@" : "#"),
    el("span", { class: "name" }, name),
    badge(place.id, pings),
  );
}

function counts(id) {
  const seen = app.seen[app.me.id]?.[id] || app.seen.start;
  let unread = 0;
  let pings = 0;
  for (const message of app.messages.values()) {
    if (message.channel_id !== id || BigInt(message.id) <= seen || message.author.id === app.me.id) continue;
    unread += 1;
    if (message.sandbox.pings.includes(app.me.id)) pings += 1;
  }
  return { unread, pings };
}

function markSeen() {
  if (document.hidden || !app.here) return;
  let newest = 0n;
  for (const message of app.messages.values()) {
    if (message.channel_id === app.here && BigInt(message.id) > newest) newest = BigInt(message.id);
  }
  app.seen[app.me.id] ||= {};
  if (newest > (app.seen[app.me.id][app.here] || 0n)) app.seen[app.me.id][app.here] = newest;
}

// Messages

function drawMessages() {
  const list = $("messages");
  const mine = [...app.messages.values()].filter((message) => message.channel_id === app.here).slice(-SHOWN);
  list.replaceChildren(...mine.map((message) => messageView(message, app)));
  if (!mine.length) list.append(el("li", { class: "empty" }, "Nothing has been said here yet. Type / below to see what the app can do."));
  toEnd();
  markSeen();
}

function drawMessage(message) {
  if (message.channel_id !== app.here) return;
  const list = $("messages");
  const old = list.querySelector(`[data-id="${message.id}"]`);
  const fresh = messageView(message, app);
  if (old) {
    const focused = old.contains(document.activeElement) ? document.activeElement.dataset.custom : null;
    old.replaceWith(fresh);
    if (focused) [...fresh.querySelectorAll("[data-custom]")].find((one) => one.dataset.custom === focused)?.focus();
  } else {
    list.querySelector(".empty")?.remove();
    list.append(fresh);
    if (message.author.id === app.me.id || message.sandbox.only_for) toEnd();
    if (message.sandbox.only_for || message.sandbox.pings.includes(app.me.id)) $("news").textContent = `A message for you from ${app.names.user(message.author.id)}`;
  }
  markSeen();
}

// Who reads the end stays at the end, whatever grows: a new message, a preview that arrives, the composer.
// Only scrolling up leaves it: an event of our own scrolling may come after more has grown below.

let atEnd = true;
let wasAt = 0;

function toEnd() {
  atEnd = true;
  $("scroller").scrollTop = $("scroller").scrollHeight;
}

$("scroller").addEventListener("scroll", () => {
  const box = $("scroller");
  if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END) atEnd = true;
  else if (box.scrollTop < wasAt) atEnd = false;
  wasAt = box.scrollTop;
});
const growth = new ResizeObserver(() => atEnd && toEnd());
growth.observe($("scroller"));
growth.observe($("messages"));

// News

function hear(news) {
  if (news.kind === "message") {
    app.messages.set(news.message.id, news.message);
    drawMessage(news.message);
    drawChannels();
  } else if (news.kind === "message_delete") {
    app.messages.delete(news.id);
    $("messages").querySelector(`[data-id="${news.id}"]`)?.remove();
    drawChannels();
  } else if (news.kind === "channel") {
    app.places.set(news.channel.id, news.channel);
    drawChannels();
    drawTitle();
    const starter = app.messages.get(news.channel.id);
    if (starter?.thread) drawMessage(starter);
  } else if (news.kind === "channel_delete") {
    app.places.delete(news.id);
    if (app.here === news.id) open(app.home);
    drawChannels();
  } else if (news.kind === "commands") {
    app.offered = news.commands;
    composer.look();
  }
}

async function load(user) {
  const state = await ask("state", { user });
  app.me = state.me;
  app.folk = new Map([...state.people, state.bot].map((one) => [one.id, one]));
  app.ranks = state.roles;
  app.places = new Map(state.channels.map((one) => [one.id, one]));
  app.messages = new Map(state.messages.map((one) => [one.id, one]));
  app.offered = state.commands;
  app.home = state.channel_id;
  const last = state.messages.at(-1);
  app.seen.start ??= last ? BigInt(last.id) : 0n;
  if (!app.places.has(app.here)) app.here = app.home;
  $("who").replaceChildren(...state.people.map((one) => el("option", { value: one.id, selected: one.id === app.me.id }, one.global_name)));
  if (state.has_screen) watchScreen($("screens"));
  $("own-page").hidden = !state.own_page;
  if (state.own_page) $("own-page").firstChild.href = state.own_page;
  drawMessages();
  drawChannels();
  drawTitle();
}

function become(user) {
  app.stop?.();
  // What happened before the line was open is fetched; what comes meanwhile waits, so that nothing is missed or undone.
  let waiting = [];
  app.stop = listen(user, {
    opened: async () => {
      $("connection").hidden = true;
      await load(user);
      const late = waiting;
      waiting = null;
      late.forEach(hear);
      document.body.dataset.ready = app.me.id;
    },
    hear: (news) => (waiting ? waiting.push(news) : hear(news)),
    closed: () => {
      waiting = [];
      $("connection").hidden = false;
    },
  });
}

$("who").addEventListener("change", () => {
  delete document.body.dataset.ready;
  $("notices").replaceChildren();
  become($("who").value);
});
$("menu").addEventListener("click", () => {
  const isOpen = document.body.classList.toggle("menu-open");
  $("menu").setAttribute("aria-expanded", String(isOpen));
});
document.addEventListener("visibilitychange", () => {
  markSeen();
  drawChannels();
});
const composer = new Composer($("composer"), app);
composer.input.focus();
become("Ada");
