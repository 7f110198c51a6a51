// The options of a command: a field for each, its suggestions, its value.

import { el } from "/page/dom.js";

const KINDS = { 3: "text", 4: "whole number", 5: "yes or no", 6: "person", 7: "channel", 8: "role", 9: "person or role", 10: "number" };
const FILE = 11;
const LARGEST_FILE = 10 * 1024 * 1024;
let count = 0;

// `app` offers people(), channels(), roles(), complete(name) → choices, submit(), leave(), remove(pill).
export function optionPill(option, app) {
  return option.type === FILE ? new FilePill(option, app) : new Pill(option, app);
}

function labelOf(option, input) {
  input.id = `option-${(count += 1)}`;
  input.setAttribute("aria-label", `${option.name}: ${option.description}${option.required ? " (required)" : ""}`);
  input.setAttribute("aria-required", String(Boolean(option.required)));
  return el("label", { for: input.id, title: option.description }, option.name, option.required ? el("b", { title: "required" }, "*") : null);
}

// The choice of this name, or the only one whose name has the text in it.
function named(text, choices) {
  const found = choices.filter((choice) => choice.name.toLowerCase().includes(text));
  return found.find((choice) => choice.name.toLowerCase() === text) || (found.length === 1 ? found[0] : null);
}

class Pill {
  constructor(option, app) {
    this.option = option;
    this.name = option.name;
    this.app = app;
    this.picked = null;
    this.choices = [];
    this.at = -1;
    this.asked = 0;
    const id = `option-list-${(count += 1)}`;
    this.list = el("ul", { id, role: "listbox", class: "popup", "aria-label": option.name, hidden: true });
    this.input = el("textarea", {
      rows: 1,
      testid: `option-${option.name}`,
      "aria-haspopup": "listbox",
      "aria-controls": id,
      "aria-autocomplete": "list",
      title: option.description,
      placeholder: this.kind(),
      oninput: () => this.typed(),
      onfocus: () => this.offer(),
      onblur: () => this.hide(),
      onkeydown: (event) => this.key(event),
    });
    const isText = option.type === 3 && !option.choices && !option.autocomplete;
    this.node = el("span", { class: `pill ${isText ? "wide" : ""}` }, labelOf(option, this.input), this.input, this.list);
  }

  kind() {
    if (this.option.autocomplete || this.option.choices) return "choose";
    return KINDS[this.option.type] || "text";
  }

  typed() {
    this.picked = null;
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 160)}px`;
    this.offer();
  }

  async offer() {
    const number = (this.asked += 1);
    const found = await this.find();
    if (number !== this.asked || document.activeElement !== this.input) return;
    this.choices = found;
    this.at = found.length && (this.input.value || this.option.required) ? 0 : -1;
    if (this.picked) this.at = found.findIndex((choice) => choice.value === this.picked.value);
    this.draw();
  }

  async find() {
    if (this.option.autocomplete) {
      try {
        return await this.app.complete(this.name);
      } catch {
        return [];
      }
    }
    const all = this.fixed();
    if (!all || this.picked) return all || [];
    const typed = this.input.value.toLowerCase();
    return all.filter((choice) => choice.name.toLowerCase().includes(typed));
  }

  fixed() {
    if (this.option.choices) return this.option.choices;
    if (this.option.type === 5) return [{ name: "yes", value: true }, { name: "no", value: false }];
    if (this.option.type === 6) return this.app.people();
    if (this.option.type === 7) return this.app.channels();
    if (this.option.type === 8) return this.app.roles();
    if (this.option.type === 9) return [...this.app.people(), ...this.app.roles()];
    return null;
  }

  draw() {
    this.list.hidden = !this.choices.length;
    this.list.replaceChildren(
      ...this.choices.map((choice, index) =>
        el(
          "li",
          {
            id: `${this.list.id}-${index}`,
            role: "option",
            testid: "option-choice",
            "aria-selected": String(index === this.at),
            onmousedown: (event) => {
              event.preventDefault();
              this.pick(choice);
            },
          },
          el("span", {}, choice.name),
          choice.about ? el("span", { class: "faint" }, choice.about) : null,
        ),
      ),
    );
    const active = this.list.querySelector("[aria-selected=true]");
    active?.scrollIntoView({ block: "nearest" });
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  hide() {
    this.asked += 1;
    this.list.hidden = true;
    this.list.replaceChildren();
  }

  pick(choice) {
    this.picked = choice;
    this.input.value = choice.name;
    this.hide();
  }

  key(event) {
    if (event.isComposing) return;
    const open = !this.list.hidden && this.choices.length;
    const active = open && this.at >= 0 ? this.choices[this.at] : null;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      const from = this.at < 0 && step < 0 ? 0 : this.at;
      this.at = (from + step + this.choices.length) % this.choices.length;
      this.draw();
      event.preventDefault();
    } else if (event.key === "Tab" && active && !event.shiftKey) {
      this.pick(active); // and the focus moves on
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (active && this.picked?.value !== active.value) this.pick(active);
      else this.app.submit();
    } else if (event.key === "Escape") {
      if (open) this.hide();
      else this.app.leave();
    } else if (event.key === "Backspace" && !this.input.value) {
      event.preventDefault();
      this.app.remove(this);
    }
  }

  value() {
    const text = this.input.value;
    if (this.picked) return this.picked.value;
    if (text === "") return undefined;
    const fixed = this.fixed();
    if (fixed) return named(text.trim().toLowerCase(), fixed)?.value;
    if (this.option.type === 4) return /^-?\d+$/.test(text.trim()) ? Number(text) : undefined;
    if (this.option.type === 10) return text.trim() && Number.isFinite(Number(text)) ? Number(text) : undefined;
    return text;
  }

  problem() {
    const value = this.value();
    const fixed = this.fixed();
    if (value === undefined && this.input.value && fixed) {
      return `${this.name} is one of: ${fixed.map((choice) => choice.name).join("; ")}.`;
    }
    if (value === undefined && this.input.value) return `“${this.input.value}” does not fit ${this.name}.`;
    if (value === undefined && this.option.required) return `${this.name} is required.`;
    return null;
  }
}

// The field behind which the options wait that are not shown yet: typing finds one, picking shows it.
export class MorePill extends Pill {
  constructor(app) {
    super({ name: "more", description: "further options of this command", type: 3, choices: [] }, app);
    this.node.className = "pill more";
    this.node.querySelector("label").remove();
  }

  show(options) {
    this.option.choices = options.map((one) => ({ name: one.name, value: one.name, about: one.description }));
    this.input.placeholder = `+${options.length} more`;
    this.input.value = "";
    this.node.hidden = !options.length;
  }

  async find() {
    const typed = this.input.value.toLowerCase();
    const begins = (choice) => Number(!choice.name.startsWith(typed));
    return (await super.find()).sort((a, b) => begins(a) - begins(b) || (typed ? a.name.length - b.name.length : 0));
  }

  pick(choice) {
    this.hide();
    this.app.add(choice.value);
  }

  key(event) {
    if (event.key === "Tab" && this.input.value && this.choices.length && !event.shiftKey) event.preventDefault(); // the focus goes to the new field
    super.key(event);
  }

  problem() {
    return this.input.value ? `There is no option “${this.input.value}”.` : null;
  }
}

// A file, read as soon as it is chosen.
class FilePill {
  constructor(option, app) {
    Object.assign(this, { option, name: option.name, file: undefined, ready: null });
    this.input = el("input", {
      type: "file",
      testid: `option-${option.name}`,
      title: option.description,
      onchange: () => (this.ready = this.read()),
      onkeydown: (event) => {
        if (event.key === "Escape") app.leave();
        if (event.key === "Backspace") app.remove(this);
      },
    });
    this.node = el("span", { class: "pill file" }, labelOf(option, this.input), this.input);
  }

  async read() {
    const [chosen] = this.input.files;
    this.file = undefined;
    if (!chosen || chosen.size > LARGEST_FILE) return;
    const reader = new FileReader();
    await new Promise((resolve) => {
      reader.onloadend = resolve;
      reader.readAsDataURL(chosen);
    });
    if (reader.result) this.file = { filename: chosen.name, content_type: chosen.type, content: reader.result.split(",")[1] || "" };
  }

  value() {
    return this.file;
  }

  problem() {
    if (this.file) return null;
    if (this.input.files.length) return `${this.input.files[0].name} cannot be read, or is larger than 10 MB.`;
    return this.option.required ? `${this.name} is required.` : null;
  }
}
