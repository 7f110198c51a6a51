// A dialog that the application opened: its fields, and sending them.

import { el } from "/page/dom.js";
import { markdown } from "/page/markdown.js";
import { chosen, menuOf } from "/page/menu.js";

// Shows the dialog; `send(values)` resolves when it was taken and throws the reason when it was not.
export function showModal(modal, app, send) {
  const dialog = document.getElementById("modal");
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const fields = [];
  const parts = modal.components.map((part) => fieldView(part, app, fields));
  const close = () => dialog.close();
  const submit = async (event) => {
    event.preventDefault();
    try {
      await send(Object.fromEntries(fields.map((field) => [field.name, field.matches("select") ? chosen(field) : field.value])));
      close();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  };
  dialog.replaceChildren(
    el(
      "form",
      { onsubmit: submit },
      el("h2", {}, modal.title),
      parts,
      problem,
      el(
        "div",
        { class: "row end" },
        el("button", { type: "button", class: "button secondary", onclick: close }, "Close"),
        el("button", { class: "button primary", testid: "modal-submit" }, "Send"),
      ),
    ),
  );
  dialog.showModal();
  fields[0]?.focus();
}

function fieldView(part, app, fields) {
  if (part.type === 10) return el("div", { class: "text" }, markdown(part.content, app.names));
  if (part.type === 1) return part.components.map((child) => labelled(child, child.label, null, app, fields));
  if (part.type === 18 && [3, 4, 5, 6, 7, 8].includes(part.component.type)) return labelled(part.component, part.label, part.description, app, fields);
  return el("p", { class: "faint" }, "(a field that the sandbox does not show)");
}

function labelled(input, label, description, app, fields) {
  const required = input.required !== false;
  const field = input.type === 4 ? textField(input) : menuOf(input, app);
  Object.assign(field, { name: input.custom_id, required });
  fields.push(field);
  return el("label", { class: "field" }, el("span", {}, label, required ? el("b", { title: "required" }, " *") : null), description ? el("span", { class: "faint" }, description) : null, field);
}

function textField(input) {
  const field = el(input.style === 2 ? "textarea" : "input", {
    testid: `field-${input.custom_id}`,
    placeholder: input.placeholder,
    minLength: input.min_length || undefined,
    maxLength: input.max_length || 4000,
  });
  field.value = input.value || "";
  return field;
}
