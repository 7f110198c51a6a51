// What all pages share: a transcript, the answer after a while, and the report of what was sent.
const asked = new URLSearchParams(location.search);
const transcript = document.querySelector("main");

export function say(who, text) {
  const line = document.createElement("p");
  line.className = who;
  line.textContent = text;
  transcript.append(line);
  transcript.scrollTop = transcript.scrollHeight;
}

export function send(text, { shown = Infinity } = {}) {
  if (!text.trim()) return false;
  fetch(`/heard/${asked.get("name")}`, { method: "POST", body: JSON.stringify(text) });
  say("me", text.length > shown ? `${text.slice(0, shown)}…` : text);
  setTimeout(() => say("bot", `That was a message of ${[...text].length} characters.`), 1000 * asked.get("answer"));
  return true;
}

export function isSend(event) {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing;
}

for (let number = 0; number < Number(asked.get("full") ?? 0); number++) say(number % 2 ? "bot" : "me", `Earlier message ${number}.`);

addEventListener("load", () => fetch(`/ready/${asked.get("name")}`, { method: "POST", body: "" }));
