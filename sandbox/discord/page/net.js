// Talks to the sandbox: asks, acts in a person's name, and hears news. The browser sends the key as a cookie.

history.replaceState(null, "", location.pathname); // the link's ticket has been used

export async function ask(path, query = {}) {
  const response = await fetch(`/sandbox/${path}?${new URLSearchParams(query)}`);
  if (!response.ok) throw new Error(await reason(response));
  return response.json();
}

export async function act(verb, body) {
  const response = await fetch(`/sandbox/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await reason(response));
  return response.json();
}

async function reason(response) {
  try {
    return (await response.json()).refused || `Error ${response.status}`;
  } catch {
    return `Error ${response.status}`;
  }
}

// Calls `hear` with each piece of news, `opened` after each (re)connection, `closed` when the line is cut.
export function listen(user, { opened, hear, closed }) {
  let socket = null;
  let stopped = false;
  const connect = () => {
    socket = new WebSocket(`ws://${location.host}/sandbox/live?user=${encodeURIComponent(user)}`);
    socket.addEventListener("open", opened);
    socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      if (stopped) return;
      closed();
      setTimeout(() => stopped || connect(), 1000);
    });
  };
  connect();
  return () => {
    stopped = true;
    socket.close();
  };
}
