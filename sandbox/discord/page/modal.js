// A dialog that the application opened: its fields, and sending them.

import { el } from "/page/dom.js";
import { markdown } from "/page/markdown.js";

// Shows the dialog; `send(values)` resolves when it was taken and throws the reason when it was not.
export function showModal(modal, names, send) {
  const dialog = document.getElementById("modal");
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const fields = [];
  const parts = modal.components.map((part) => fieldView(part, names, fields));
  const close = () => dialog.close();
  const submit = async (event) => {
    event.preventDefault();
    try {
      await send(Object.fromEntries(fields.map((field) => [field.name, field.value])));
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

function fieldView(part, names, fields) {
  if (part.type === 10) return el("div", { class: "text" }, markdown(part.content, names));
  if (part.type === 1) return part.components.map((child) => labelled(child, child.label, null, fields));
  if (part.type === 18) return labelled(part.component, part.label, part.description, fields);
  return el("p", { class: "faint" }, "(a field that the sandbox does not show)");
}

function labelled(input, label, description, fields) {
  if (input.type !== 4) return el("p", { class: "faint" }, `${label}: (a field that the sandbox does not show)`);
  const required = input.required !== false;
  const field = el(input.style === 2 ? "textarea" : "input", {
    name: input.custom_id,
    testid: `field-${input.custom_id}`,
    placeholder: input.placeholder,
    required,
    minLength: input.min_length || undefined,
    maxLength: input.max_length || 4000,
  });
  field.value = input.value || "";
  fields.push(field);
  return el("label", { class: "field" }, el("span", {}, label, required ? el("b", { title: "required" }, " *") : null), description ? el("span", { class: "faint" }, description) : null, field);
}
