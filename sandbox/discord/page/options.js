// One option of a command: its field, its suggestions, its value.

import { el } from "/page/dom.js";

const KINDS = { 3: "text", 4: "whole number", 5: "yes or no", 6: "person", 7: "channel", 8: "role", 9: "person or role", 10: "number" };
let count = 0;

// `app` offers people(), channels(), roles(), complete(name) → choices, submit(), leave().
export function optionPill(option, app) {
  const pill = new Pill(option, app);
  return pill;
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
      "aria-label": `${option.name}: ${option.description}${option.required ? " (required)" : ""}`,
      "aria-required": String(Boolean(option.required)),
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
    const mark = option.required ? el("b", { title: "required" }, "*") : null;
    this.node = el("span", { class: `pill ${option.type === 3 && !option.choices && !option.autocomplete ? "wide" : ""}` }, el("label", { title: option.description }, option.name, mark), this.input, this.list);
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
          choice.name,
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
    } else if (event.key === "Backspace" && !this.input.value && this.node.matches(":first-of-type, .command + .pill")) {
      event.preventDefault();
      this.app.leave();
    }
  }

  value() {
    const text = this.input.value;
    if (this.picked) return this.picked.value;
    if (text === "") return undefined;
    const fixed = this.fixed();
    if (fixed) return fixed.find((choice) => choice.name.toLowerCase() === text.trim().toLowerCase())?.value;
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
