// The line where a person types: plain messages, the list of slash commands, and a command's options.

import { el } from "/page/dom.js";
import { MorePill, optionPill } from "/page/options.js";

// Every command that can be sent, with its whole name: "task new".
export function leaves(commands) {
  const found = [];
  const visit = (prefix, part) => {
    const name = prefix ? `${prefix} ${part.name}` : part.name;
    const below = (part.options || []).filter((option) => option.type === 1 || option.type === 2);
    if (below.length) below.forEach((child) => visit(name, child));
    else found.push({ name, description: part.description, options: part.options || [] });
  };
  commands.filter((command) => command.type === 1).forEach((command) => visit("", command));
  return found;
}

// `app` offers commands(), say(text), slash(name, options), autocomplete(name, options, focused), people(), channels(), roles(), complain(text).
export class Composer {
  constructor(form, app) {
    this.form = form;
    this.app = app;
    this.command = null;
    this.pills = [];
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.showText();
  }

  showText(text = "", focus = false) {
    this.command = null;
    this.pills = [];
    this.matches = [];
    this.at = 0;
    this.list = el("ul", { id: "suggestions", role: "listbox", "aria-label": "Commands", class: "popup", hidden: true });
    this.input = el("textarea", {
      id: "text",
      testid: "composer",
      rows: 1,
      placeholder: "Write, or type / for commands",
      "aria-label": "Message",
      "aria-haspopup": "listbox",
      "aria-controls": "suggestions",
      "aria-autocomplete": "list",
      oninput: () => this.suggest(),
      onkeydown: (event) => this.key(event),
      onblur: () => this.hide(),
    });
    this.input.value = text;
    this.form.replaceChildren(this.list, this.input, this.sendButton());
    if (focus) this.input.focus();
    if (text) this.suggest();
  }

  sendButton() {
    return el("button", { class: "button primary send", testid: "send" }, "Send");
  }

  // The list of commands

  suggest() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 200)}px`;
    const text = this.input.value;
    const all = leaves(this.app.commands());
    const named = all.find((one) => text.startsWith(`/${one.name} `));
    if (named) return this.choose(named, text.slice(named.name.length + 2));
    if (!text.startsWith("/") || text.includes("\n")) return this.hide();
    const words = text.slice(1).toLowerCase();
    const begins = all.filter((one) => one.name.startsWith(words));
    const contains = all.filter((one) => !one.name.startsWith(words) && one.name.includes(words));
    this.matches = [...begins, ...contains];
    this.at = 0;
    this.draw(all.length === 0);
  }

  // Looks again for what is typed, as other commands are there.
  look() {
    if (!this.command && document.activeElement === this.input) this.suggest();
  }

  draw(nothingSynced) {
    if (!this.matches.length) {
      const why = nothingSynced ? "No application has offered commands yet." : "No such command.";
      this.list.replaceChildren(el("li", { class: "faint", role: "option", "aria-disabled": "true" }, why));
    } else {
      this.list.replaceChildren(...this.matches.map((one, index) => this.line(one, index)));
    }
    this.list.hidden = false;
    const active = this.list.querySelector("[aria-selected=true]");
    active?.scrollIntoView({ block: "nearest" });
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  line(one, index) {
    const take = (event) => {
      event.preventDefault();
      this.choose(one);
    };
    const hints = one.options.filter((option) => option.required).map((option) => el("span", { class: "hint" }, option.name));
    return el(
      "li",
      { id: `suggestion-${index}`, role: "option", testid: "command-suggestion", "aria-selected": String(index === this.at), onmousedown: take },
      el("span", { class: "command" }, `/${one.name}`),
      hints,
      el("span", { class: "faint" }, one.description),
    );
  }

  hide() {
    this.list.hidden = true;
    this.matches = [];
    this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.isComposing) return;
    const open = !this.list.hidden && this.matches.length;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.at = (this.at + step + this.matches.length) % this.matches.length;
      this.draw(false);
      event.preventDefault();
    } else if (open && (event.key === "Tab" || event.key === "Enter")) {
      this.choose(this.matches[this.at]);
      event.preventDefault();
    } else if (event.key === "Escape") {
      this.hide();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    }
  }

  // A command's options

  // Shows the required options, or the first one where none is. The others wait behind "+n more", as in Discord.
  // `typed` fills the shown ones in their order: a word each, and the last one what is left.
  choose(command, typed = "") {
    this.command = command;
    const required = command.options.filter((option) => option.required);
    const first = required.length ? required : command.options.slice(0, 1);
    this.rest = command.options.filter((option) => !first.includes(option));
    this.more = new MorePill({ add: (name) => this.add(name), submit: () => this.send(), leave: () => this.showText("", true), remove: () => this.back(this.more) });
    this.pills = first.map((option) => this.pill(option));
    const leave = el("button", { type: "button", class: "quiet", "aria-label": "Leave the command", testid: "leave-command", onclick: () => this.showText("", true) }, "×");
    const send = this.sendButton();
    send.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || (event.key === "Backspace" && !this.pills.length)) this.showText("", true);
    });
    const about = el("p", { class: "faint about" }, command.description);
    const line = el("div", { class: "command-line", testid: "command-line" }, el("span", { class: "command" }, `/${command.name}`), this.pills.map((pill) => pill.node), this.more.node);
    line.addEventListener("focusin", (event) => {
      const pill = this.pills.find((one) => one.node.contains(event.target));
      about.replaceChildren(...(pill ? [el("b", {}, pill.name), ` ${pill.option.description}`] : [command.description]));
    });
    this.form.replaceChildren(el("div", { class: "command-box" }, about, line), leave, send);
    this.more.show(this.rest);
    const words = typed.split(" ");
    this.pills.forEach((pill, at) => {
      if (typed && pill.typed) pill.input.value = at + 1 < first.length ? words.shift() || "" : words.join(" ");
    });
    (this.pills[0]?.input || send).focus();
  }

  pill(option) {
    const { command } = this;
    return optionPill(option, {
      people: this.app.people,
      channels: this.app.channels,
      roles: this.app.roles,
      complete: (focused) => this.app.autocomplete(command.name, this.values({ files: false }), focused),
      submit: () => this.send(),
      leave: () => this.showText("", true),
      remove: (pill) => this.remove(pill),
    });
  }

  add(name) {
    const pill = this.pill(this.rest.find((option) => option.name === name));
    this.rest = this.rest.filter((option) => option.name !== name);
    this.pills.push(pill);
    this.more.node.before(pill.node);
    this.more.show(this.rest);
    pill.input.focus();
  }

  // Takes an empty field back, as Backspace in it does in Discord; from the first one the user leaves the command.
  remove(pill) {
    if (pill === this.pills[0]) return this.showText("", true);
    this.back(pill);
    if (pill.option.required) return;
    pill.node.remove();
    this.pills = this.pills.filter((one) => one !== pill);
    this.rest = this.command.options.filter((option) => this.rest.includes(option) || option === pill.option);
    this.more.show(this.rest);
  }

  back(pill) {
    const at = this.pills.indexOf(pill);
    this.pills.at(at < 0 ? -1 : at - 1)?.input.focus();
  }

  values({ files = true } = {}) {
    const values = {};
    for (const pill of this.pills) {
      const value = pill.value();
      if (value !== undefined && (files || !("file" in pill))) values[pill.name] = value;
    }
    return values;
  }

  async send() {
    if (!this.command) {
      const text = this.input.value.trim();
      if (!text) return;
      if (text.startsWith("/")) return this.app.complain("Choose a command from the list, or begin the message without a slash.");
      this.showText("", true);
      if (!(await this.app.say(text)) && !this.command && !this.input.value) this.showText(text, true);
      return;
    }
    await Promise.all(this.pills.map((pill) => pill.ready));
    for (const pill of [...this.pills, this.more]) {
      const problem = pill.problem();
      if (problem) {
        this.app.complain(problem);
        pill.input.focus();
        return;
      }
    }
    const { command, pills, more, rest } = this;
    const kept = [...this.form.childNodes];
    const values = this.values();
    this.showText("", true);
    if ((await this.app.slash(command.name, values)) || this.command || this.input.value) return;
    Object.assign(this, { command, pills, more, rest });
    this.form.replaceChildren(...kept);
  }
}
