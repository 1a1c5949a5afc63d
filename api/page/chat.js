// The chat page: one conversation, kept across reloads, followed as a stream that resumes.

import { follow, request } from "./api.js";
import { SourcePanel, button, draftNode, fillDraft, messageNode, noticeNode } from "./view.js";

const CONVERSATION = "careloop.conversation";
const $ = (id) => document.getElementById(id);
const panel = new SourcePanel();

let conversation = sessionStorage.getItem(CONVERSATION);
let stopFollowing = () => {};
let connected = null; // resolves once the stream is up
const shown = new Set(); // ids of messages on the page
const drafts = new Map(); // by the id of the message they answer
const answered = new Set(); // ids of messages whose answer is on the page: a late piece of its draft is dropped
let waiting = 0; // messages sent and not yet answered

const path = (rest = "") => `/v1/conversations/${conversation}${rest}`;

const actions = {
  async open(message, citation, opener) {
    try {
      const quoted = await request("GET", path(`/messages/${message.id}/citations/${citation.number}`));
      panel.show(citation.number, quoted, opener);
    } catch (error) {
      tell(error.message);
    }
  },
  choose: (text) => send(text),
  rate: (message, rating) => request("PUT", path(`/messages/${message.id}/feedback`), { rating }),
};

async function begin() {
  const settings = await fetch("/page/settings.json").then((response) => response.json());
  $("company").textContent = settings.company;
  document.title = `${settings.company} help`;
  $("starters").append(
    ...settings.starters.map((text) => {
      const item = document.createElement("li");
      item.append(button(text, "starter", () => send(text)));
      return item;
    }),
  );
  if (conversation) await resume();
}

async function resume() {
  try {
    showOwner(await request("GET", path()));
    for (let after = 0; after !== null; ) {
      const page = await request("GET", path(`/messages?after=${after}`));
      page.items.forEach(showMessage);
      after = page.next;
    }
    listen();
  } catch (error) {
    if (error.status !== 404) return tell(error.message, () => location.reload());
    forget();
  }
}

async function ensureConversation() {
  if (conversation) return connected;
  const opened = await request("POST", "/v1/conversations", { channel: "page" });
  conversation = opened.id;
  sessionStorage.setItem(CONVERSATION, conversation);
  listen();
  return connected;
}

function listen() {
  stopFollowing();
  connected = new Promise((resolve) => {
    const onState = (up) => {
      $("connection").hidden = up;
      if (up) resolve();
    };
    stopFollowing = follow(path("/events"), { onEvent, onState });
  });
}

function onEvent(name, data) {
  if (name === "token") showToken(data);
  else if (name === "message") showMessage(data);
  else if (name === "owner") showOwner(data, true);
  else if (name === "status" && data.status === "resolved") showNotice("This conversation was closed. Write again to reopen it.");
}

async function send(text) {
  const clientId = crypto.randomUUID();
  $("welcome").hidden = true;
  const own = messageNode({ id: clientId, author: "customer", text, options: [] }, actions);
  own.classList.add("pending");
  append(own);
  await deliver(text, clientId, own);
}

async function deliver(text, clientId, own) {
  setWaiting(1);
  try {
    await ensureConversation();
    const turn = await request("POST", path("/messages"), { text, client_id: clientId });
    showMessage(turn.message);
    if (turn.reply) showMessage(turn.reply);
    showOwner(turn.conversation);
  } catch (error) {
    own.classList.add("failed");
    const note = noticeNode(error.message, () => {
      note.remove();
      own.classList.remove("failed");
      deliver(text, clientId, own);
    });
    append(note);
  } finally {
    setWaiting(-1);
  }
}

function setWaiting(by) {
  waiting += by;
  updateTyping();
}

function updateTyping() {
  const byPerson = $("owner").dataset.owner !== "bot";
  $("typing").hidden = waiting === 0 || drafts.size > 0 || byPerson;
  keepInView();
}

function showToken({ reply_to: replyTo, offset, text }) {
  if (answered.has(replyTo)) return;
  let draft = drafts.get(replyTo);
  if (!draft) {
    draft = { node: draftNode(), text: "" };
    drafts.set(replyTo, draft);
    append(draft.node);
    updateTyping();
  }
  draft.text = draft.text.slice(0, offset) + text;
  fillDraft(draft.node, draft.text);
  keepInView();
}

function showMessage(message) {
  if (shown.has(message.id)) return;
  shown.add(message.id);
  if (message.reply_to) answered.add(message.reply_to);
  $("welcome").hidden = true;
  const node = messageNode(message, actions);
  if (message.author === "customer") {
    const own = $("log").querySelector(`[data-id="${CSS.escape(message.client_id ?? "")}"]`);
    if (own) own.replaceWith(node);
    else append(node);
    return;
  }
  $("log").querySelectorAll(".options").forEach((options) => options.remove());
  drafts.forEach((draft) => draft.node.remove());
  drafts.clear();
  append(node);
  updateTyping();
}

function showOwner({ owner, agent }, announce = false) {
  const before = $("owner").dataset.owner;
  $("owner").dataset.owner = owner;
  const texts = { bot: "Help centre assistant", queue: "Waiting for a colleague", human: `${agent ?? "A colleague"} is with you` };
  $("owner-text").textContent = texts[owner];
  $("person").hidden = owner !== "bot";
  if (announce && owner !== before) {
    const notices = {
      bot: "The assistant is answering again.",
      queue: "You are in the queue. A colleague will read everything above and answer here.",
      human: `${agent ?? "A colleague"} has joined the conversation.`,
    };
    showNotice(notices[owner]);
  }
  updateTyping();
}

function showNotice(text) {
  append(noticeNode(text));
}

function tell(text, retry) {
  append(noticeNode(text, retry ?? (() => {})));
}

function append(node) {
  $("log").append(node);
  keepInView();
}

function keepInView() {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const main = document.querySelector("main");
  main.scrollTo({ top: main.scrollHeight, behavior: calm ? "auto" : "smooth" });
}

function forget() {
  stopFollowing();
  sessionStorage.removeItem(CONVERSATION);
  conversation = null;
  shown.clear();
  drafts.clear();
  $("log").replaceChildren();
  $("welcome").hidden = false;
  $("connection").hidden = true;
  showOwner({ owner: "bot" });
}

function fit() {
  $("text").style.height = "auto";
  $("text").style.height = `${Math.min($("text").scrollHeight, 160)}px`;
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  fit();
  send(text);
});
$("text").addEventListener("input", fit);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});
$("person").addEventListener("click", async () => {
  try {
    $("welcome").hidden = true;
    await ensureConversation();
    showOwner(await request("POST", path("/handoff"), {}), true);
  } catch (error) {
    tell(error.message);
  }
});
$("restart").addEventListener("click", () => {
  document.getElementById("source").close();
  forget();
  $("text").focus();
});

begin().catch((error) => tell(error.message, () => location.reload()));
