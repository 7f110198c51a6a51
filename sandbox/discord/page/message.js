// One message as elements: author, text, embeds, components, attachments, its thread.

import { el, ownPath, safeLink } from "/page/dom.js";
import { markdown } from "/page/markdown.js";
import { chosen, menuOf } from "/page/menu.js";

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "secondary" };
const TEXT_FILE = /\.(md|txt|json|log|csv|py|js|toml|yaml|yml|diff|patch)$/i;
const PREVIEW = 4000;

// `page` offers names (for Markdown), me, press(message, component, values), open(channelId), dismiss(message).
export function messageView(message, page) {
  const app = { ...page, names: { ...page.names, everyone: message.mention_everyone } };
  const only = message.sandbox.only_for;
  const pinged = message.sandbox.pings.includes(app.me.id);
  const classes = ["message", only && "private", pinged && "pings-me"].filter(Boolean).join(" ");
  const bot = message.author.bot;
  const name = message.author.global_name || message.author.username;
  return el(
    "li",
    { class: classes, testid: "message", "data-id": message.id },
    context(message, app),
    el(
      "div",
      { class: "byline" },
      el("span", { class: `avatar ${bot ? "bot" : ""}`, "aria-hidden": "true" }, name.slice(0, 1)),
      el("span", { class: "author" }, name),
      bot ? el("span", { class: "tag" }, "app") : null,
      time(message.timestamp),
      message.edited_timestamp ? el("span", { class: "faint" }, "(edited)") : null,
      pinged ? el("span", { class: "tag ping" }, "pings you") : null,
      apps(message, app),
    ),
    el("div", { class: "body" }, body(message, app)),
    only
      ? el(
          "p",
          { class: "faint private-note", testid: "only-you" },
          "Only you can see this · ",
          el("button", { type: "button", class: "textual", testid: "dismiss", onclick: () => app.dismiss(message) }, "dismiss"),
        )
      : null,
  );
}

// The message's menu: the application's commands for messages.
function apps(message, app) {
  const offered = app.commands().filter((command) => command.type === 3);
  if (!offered.length || message.sandbox.thinking) return null;
  const uses = offered.map((one) => el("button", { type: "button", class: "textual", testid: `use-${one.name}`, onclick: () => app.use(message, one) }, one.name));
  return el("details", { class: "apps" }, el("summary", { "aria-label": "More", testid: "more" }, "⋯"), uses);
}

function context(message, app) {
  if (message.sandbox.asked && message.type === 20) {
    return el("p", { class: "context" }, `${app.names.user(message.sandbox.asked_by)} used `, el("code", {}, message.sandbox.asked));
  }
  if (message.type === 19) {
    const original = message.referenced_message;
    const words = original ? summary(original) : "a message that is gone";
    return el("p", { class: "context" }, "in reply to ", original ? `${original.author.global_name || original.author.username}: ` : "", words);
  }
  return null;
}

function summary(message) {
  const text = message.content || message.embeds[0]?.title || (message.components.length ? "a card" : "a file");
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function time(stamp) {
  const date = new Date(stamp);
  const today = new Date().toDateString() === date.toDateString();
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return el("time", { datetime: stamp, title: date.toLocaleString() }, today ? clock : `${date.toLocaleDateString()} ${clock}`);
}

function body(message, app) {
  if (message.sandbox.thinking) {
    const name = message.author.global_name || message.author.username;
    return [el("p", { class: "thinking", testid: "thinking" }, `${name} is thinking…`)];
  }
  if (message.type === 6) return [el("p", {}, "pinned a message")];
  if (message.type === 18) {
    const target = message.message_reference.channel_id;
    const open = el("button", { type: "button", class: "textual", onclick: () => app.open(target) }, message.content);
    return [el("p", {}, "started a thread: ", open)];
  }
  if (message.type === 21) {
    const target = message.message_reference.channel_id;
    const open = el("button", { type: "button", class: "textual", onclick: () => app.open(target) }, `#${app.names.channel(target)}`);
    return [el("p", { class: "faint" }, "This thread began with a message in ", open, ".")];
  }
  return [
    ...markdown(message.content, app.names),
    ...message.embeds.map((embed) => embedView(embed, app)),
    ...message.components.map((part) => componentView(part, message, app)),
    ...message.attachments.map(attachmentView),
    message.thread ? threadLink(message.thread, app) : null,
  ];
}

function threadLink(thread, app) {
  const known = app.channel(thread.id) || thread;
  return el(
    "button",
    { type: "button", class: "thread-link", onclick: () => app.open(thread.id) },
    el("span", {}, "Thread: "),
    el("strong", {}, known.name),
    known.thread_metadata?.archived ? " (archived)" : "",
  );
}

function embedView(embed, app) {
  const box = el(
    "div",
    { class: "embed", testid: "embed" },
    embed.author ? el("p", { class: "faint" }, embed.author.name) : null,
    embed.title ? el("p", { class: "heading h3" }, embed.url && safeLink(embed.url) ? link(embed.url, embed.title) : markdown(embed.title, app.names)[0] || "") : null,
    embed.description ? markdown(embed.description, app.names) : null,
    embed.fields?.length
      ? el("dl", {}, embed.fields.map((field) => el("div", { class: field.inline ? "inline" : "" }, el("dt", {}, field.name), el("dd", {}, markdown(field.value, app.names)))))
      : null,
    embed.footer ? el("p", { class: "small" }, embed.footer.text) : null,
  );
  tint(box, embed.color);
  return box;
}

function tint(box, color) {
  if (typeof color === "number") box.style.borderLeftColor = `#${color.toString(16).padStart(6, "0")}`;
}

function link(target, label) {
  return el("a", { href: safeLink(target), target: "_blank", rel: "noopener noreferrer" }, label);
}

function componentView(part, message, app) {
  const children = () => (part.components || []).map((child) => componentView(child, message, app));
  switch (part.type) {
    case 1:
      return el("div", { class: "row" }, children());
    case 2:
      return buttonView(part, message, app);
    case 3:
    case 5:
    case 6:
    case 7:
    case 8:
      return selectView(part, message, app);
    case 9:
      return el("div", { class: "section" }, el("div", {}, children()), componentView(part.accessory, message, app));
    case 10:
      return el("div", { class: "text" }, markdown(part.content, app.names));
    case 11:
      return picture(part.media, part.description, "thumbnail");
    case 12:
      return el("div", { class: "gallery" }, part.items.map((item) => picture(item.media, item.description, "")));
    case 13: {
      const attachment = message.sandbox.files.find((one) => one.id === part.file.attachment_id);
      return attachment ? attachmentView(attachment) : el("p", { class: "faint" }, "A file that is not there");
    }
    case 14:
      return part.divider === false ? el("div", { class: "gap" }) : el("hr");
    case 17: {
      const box = el("div", { class: "container", testid: "container" }, children());
      tint(box, part.accent_color);
      return box;
    }
    default:
      return el("p", { class: "faint" }, `(a part of type ${part.type} that the sandbox does not show)`);
  }
}

function buttonView(part, message, app) {
  const label = [part.emoji?.name, part.label].filter(Boolean).join(" ");
  const classes = `button ${STYLES[part.style] || "secondary"}`;
  const testid = `button-${part.label || part.custom_id}`;
  const target = part.style === 5 && safeLink(part.url);
  if (target) return el("a", { class: classes, testid, href: target, target: "_blank", rel: "noopener noreferrer" }, label);
  const press = () => app.press(message, part);
  return el("button", { type: "button", class: classes, testid, disabled: Boolean(part.disabled), "data-custom": part.custom_id, onclick: press }, label);
}

function selectView(part, message, app) {
  const menu = menuOf(part, app);
  const send = () => app.press(message, part, chosen(menu));
  if (!menu.multiple) menu.addEventListener("change", send);
  return el("span", { class: "menu" }, menu, menu.multiple ? el("button", { type: "button", class: "button secondary", onclick: send }, "Choose") : null);
}

function picture(media, description, classes) {
  const path = ownPath(media.url);
  if (!path) return el("p", { class: "faint" }, `A picture from elsewhere: ${media.url}`);
  return el("img", { class: classes, src: path, alt: description || "A picture", loading: "lazy" });
}

function attachmentView(attachment) {
  const path = ownPath(attachment.url);
  if (!path) return el("p", { class: "faint" }, attachment.filename);
  const isPicture = (attachment.content_type || "").startsWith("image/") && attachment.content_type !== "image/svg+xml";
  const isText = TEXT_FILE.test(attachment.filename) || (attachment.content_type || "").startsWith("text/");
  return el(
    "div",
    { class: "attachment", testid: "attachment" },
    el("p", {}, el("a", { href: path, download: attachment.filename }, attachment.filename), el("span", { class: "faint" }, ` ${size(attachment.size)}`)),
    isPicture ? el("img", { src: path, alt: attachment.description || attachment.filename, loading: "lazy" }) : null,
    isText ? preview(path) : null,
  );
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} kB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

function preview(path) {
  const text = el("pre", { testid: "preview", tabindex: "0" }, "…");
  fetch(path)
    .then((response) => response.text())
    .then((whole) => {
      text.textContent = whole.length > PREVIEW ? `${whole.slice(0, PREVIEW)}\n… (the file goes on)` : whole;
    })
    .catch(() => text.remove());
  return text;
}
