// Builds elements from plain values. Text is always set as text: what agents write never becomes markup.

export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "testid") node.dataset.testid = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Only web addresses become links; anything else stays text.
export function safeLink(address) {
  try {
    const url = new URL(address);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

// The sandbox's own files are fetched from where the page came from, whatever name the page was opened by.
export function ownPath(address) {
  try {
    const url = new URL(address, location.href);
    return url.port === location.port && url.pathname.startsWith("/attachments/") ? url.pathname + url.search : null;
  } catch {
    return null;
  }
}
