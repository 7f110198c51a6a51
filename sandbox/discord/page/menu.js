// The five kinds of menus: of texts (3), people (5), roles (6), both (7) and channels (8).

import { el } from "/page/dom.js";

function choices(part, app) {
  if (part.type === 3) return part.options;
  const preset = (part.default_values || []).map((one) => one.id);
  const lists = { 5: [app.people()], 6: [app.roles()], 7: [app.people(), app.roles()], 8: [app.channels(part.channel_types)] };
  return lists[part.type].flat().map((one) => ({ label: one.name, value: one.value, default: preset.includes(one.value) }));
}

// `app` offers people(), roles(), channels(types).
export function menuOf(part, app) {
  const offered = choices(part, app);
  const single = (part.max_values ?? 1) === 1;
  const prompt = single && !offered.some((one) => one.default) ? el("option", { value: "", selected: true, disabled: true }, part.placeholder || "Choose…") : null;
  const options = offered.map((one) => el("option", { value: one.value, selected: Boolean(one.default) }, one.label));
  const attributes = { testid: `menu-${part.custom_id}`, "data-custom": part.custom_id, multiple: !single, disabled: Boolean(part.disabled), "aria-label": part.placeholder || "Choose" };
  return el("select", attributes, prompt, options);
}

export function chosen(menu) {
  return [...menu.selectedOptions].map((one) => one.value).filter(Boolean);
}
