// Speaks to the server: a visitor token that renews itself, JSON requests, and a stream that resumes.

const TOKEN = "careloop.token";

/** An error the server explained (problem details). */
export class Problem extends Error {
  constructor(body, status) {
    super(body?.detail ?? body?.title ?? "The server could not be reached.");
    this.code = body?.code ?? "unreachable";
    this.status = status;
  }
}

async function token() {
  const known = JSON.parse(sessionStorage.getItem(TOKEN) ?? "null");
  if (known && known.until > Date.now() + 60_000) return known.token;
  return renew(known?.token);
}

async function renew(previous) {
  const ask = (body) =>
    fetch("/v1/visitors", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  let response = await ask(previous ? { previous_token: previous } : {});
  if (response.status === 401 && previous) response = await ask({});
  if (!response.ok) throw new Problem(await body(response), response.status);
  const made = await response.json();
  sessionStorage.setItem(
    TOKEN,
    JSON.stringify({ token: made.token, until: Date.now() + made.expires_in * 1000 }),
  );
  return made.token;
}

async function body(response) {
  return response.json().catch(() => null);
}

async function authorised(path, options = {}) {
  for (let attempt = 0; ; attempt += 1) {
    const headers = { ...options.headers, Authorization: `Bearer ${await token()}` };
    const response = await fetch(path, { ...options, headers });
    if (response.ok) return response;
    if (response.status !== 401 || attempt > 0) throw new Problem(await body(response), response.status);
    const known = JSON.parse(sessionStorage.getItem(TOKEN));
    sessionStorage.removeItem(TOKEN);
    await renew(known?.token);
  }
}

/** The JSON answer to a request; undefined when there is none. */
export async function request(method, path, content) {
  const options = { method };
  if (content !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(content);
  }
  const response = await authorised(path, options);
  return response.status === 204 ? undefined : response.json();
}

/**
 * Follows server-sent events for ever, going on after the last one when the connection breaks.
 * `onEvent(name, data)` hears each; `onState(connected)` whether the stream is up. Returns a function that stops it.
 */
export function follow(path, { onEvent, onState, after = "0" }) {
  const abort = new AbortController();
  let last = after;
  const run = async () => {
    for (let failures = 0; !abort.signal.aborted; failures += 1) {
      try {
        const response = await authorised(path, { headers: { "Last-Event-ID": last }, signal: abort.signal });
        failures = 0;
        onState(true);
        for await (const event of events(response.body)) {
          if (event.id) last = event.id;
          if (event.data) onEvent(event.name, JSON.parse(event.data));
        }
      } catch (error) {
        if (abort.signal.aborted || error.status === 404) return;
      }
      onState(false);
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** failures, 15_000)));
    }
  };
  run();
  return () => abort.abort();
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) yield parse(frame);
  }
}

function parse(frame) {
  const event = { name: "message", data: "", id: "" };
  for (const line of frame.split("\n")) {
    const [, field, value] = line.match(/^(\w*): ?(.*)$/) ?? [];
    if (field === "event") event.name = value;
    else if (field === "id") event.id = value;
    else if (field === "data") event.data += (event.data ? "\n" : "") + value;
  }
  return event;
}
