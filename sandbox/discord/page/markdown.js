// A subset of chat Markdown as elements: fences, quotes, headings, lists, small print, emphasis, code, links, mentions.

import { el, safeLink } from "/page/dom.js";

const INLINE = new RegExp(
  [
    "\\\\(?<escaped>[!-/:-@\\[-`{-~])",
    "(?<code>`+)(?<codeText>[\\s\\S]+?)\\k<code>(?!`)",
    "\\*\\*(?<bold>[\\s\\S]+?)\\*\\*",
    "__(?<underline>[\\s\\S]+?)__",
    "~~(?<strike>[\\s\\S]+?)~~",
    "\\*(?<italic>[^\\s*][^*]*?)\\*",
    "(?<![\\w])_(?<italic2>[^\\s_][^_]*?)_(?![\\w])",
    "\\[(?<label>[^\\]\\n]+)\\]\\((?<target>https?://[^\\s)]+)\\)",
    "<@!?(?<user>\\d+)>",
    "<#(?<channel>\\d+)>",
    "<t:(?<moment>-?\\d+)(?::(?<style>[tTdDfFR]))?>",
    "(?<everyone>@(?:everyone|here)\\b)",
    "<?(?<url>https?://[^\\s<>]+[^\\s<>.,:;!?)\\]'\"])>?",
  ].join("|"),
);

// `names` gives the name of a person or channel by id: {user(id), channel(id), open(channelId)}.
export function markdown(text, names) {
  const parts = [];
  const fence = /(?<!^> .*)```(?:([\w+-]*)\n)?([\s\S]*?)```/gm; // one in a quote is the quote's
  let from = 0;
  for (const found of text.matchAll(fence)) {
    parts.push(...blocks(text.slice(from, found.index), names));
    parts.push(el("pre", { tabindex: "0" }, el("code", {}, found[2].replace(/\n$/, ""))));
    from = found.index + found[0].length;
  }
  parts.push(...blocks(text.slice(from), names));
  return parts;
}

function blocks(text, names) {
  const out = [];
  let plain = [];
  let quote = [];
  const flushPlain = () => {
    const body = plain.join("\n").replace(/^\n+|\n+$/g, "");
    if (body) out.push(el("p", {}, inline(body, names)));
    plain = [];
  };
  const flushQuote = () => {
    if (quote.length) out.push(el("blockquote", {}, markdown(quote.join("\n"), names)));
    quote = [];
  };
  const lines = text.split("\n");
  lines.forEach((line, index) => {
    if (line.startsWith(">>> ")) {
      flushPlain();
      quote.push(line.slice(4), ...lines.splice(index + 1));
      return;
    }
    if (line.startsWith("> ") || line === ">") {
      flushPlain();
      quote.push(line.slice(2));
      return;
    }
    flushQuote();
    const special = /^(#{1,3}|-#|[-*]) +(.+)$/.exec(line);
    if (!special) {
      plain.push(line);
      return;
    }
    flushPlain();
    const content = inline(special[2], names);
    if (special[1] === "-#") out.push(el("p", { class: "small" }, content));
    else if (special[1].startsWith("#")) out.push(el("p", { class: `heading h${special[1].length}` }, content));
    else out.push(el("p", { class: "item" }, content));
  });
  flushPlain();
  flushQuote();
  return out;
}

function inline(text, names) {
  const out = [];
  let rest = text;
  while (rest) {
    const found = INLINE.exec(rest);
    if (!found) {
      out.push(rest);
      break;
    }
    if (found.index) out.push(rest.slice(0, found.index));
    out.push(piece(found, names));
    rest = rest.slice(found.index + found[0].length);
  }
  return out;
}

function piece(found, names) {
  const g = found.groups;
  if (g.escaped) return g.escaped;
  if (g.code) return el("code", {}, g.codeText.trim() || g.codeText);
  if (g.bold) return el("strong", {}, inline(g.bold, names));
  if (g.underline) return el("u", {}, inline(g.underline, names));
  if (g.strike) return el("s", {}, inline(g.strike, names));
  if (g.italic || g.italic2) return el("em", {}, inline(g.italic || g.italic2, names));
  if (g.user) return el("span", { class: "mention" }, `@${names.user(g.user)}`);
  if (g.channel) {
    return el("button", { type: "button", class: "mention", onclick: () => names.open(g.channel) }, `#${names.channel(g.channel)}`);
  }
  if (g.everyone) return names.everyone ? el("span", { class: "mention" }, g.everyone) : g.everyone;
  if (g.moment) return moment(Number(g.moment) * 1000, g.style);
  const target = safeLink(g.target || g.url);
  if (!target) return found[0];
  return el("a", { href: target, target: "_blank", rel: "noopener noreferrer" }, g.label || g.url);
}

function moment(milliseconds, style) {
  const date = new Date(milliseconds);
  const text = style === "R" ? relative(milliseconds) : style === "t" || style === "T" ? date.toLocaleTimeString() : date.toLocaleString();
  const relativeTo = style === "R" ? String(milliseconds) : null;
  return el("time", { datetime: date.toISOString(), title: date.toLocaleString(), "data-relative": relativeTo }, text);
}

// "3 seconds ago" stays true while it is read.
setInterval(() => {
  for (const shown of document.querySelectorAll("time[data-relative]")) shown.textContent = relative(Number(shown.dataset.relative));
}, 5000);

function relative(milliseconds) {
  const seconds = Math.round((milliseconds - Date.now()) / 1000);
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return format.format(seconds, "second");
}
