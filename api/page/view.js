// Draws messages, drafts and the opened source. Knows nothing of the server.

import { render, withCitations, withMark } from "./markdown.js";

const THUMB = "M3 10h4v11H3V10Zm6 0 4-8c1.700 0 3 1.300 3 3l-1 4h5.500c1.300 0 2.200 1.200 1.900 2.500l-1.800 7.300A2.200 2.200 0 0 1 18.500 21H9V10Z";
const $ = (id) => document.getElementById(id);

/** The element of one message. `actions`: open(message, citation), choose(text), rate(message, rating). */
export function messageNode(message, actions) {
  const node = document.createElement("article");
  node.className = `message ${message.author}`;
  node.dataset.id = message.id;
  node.append(hidden(speaker(message) + ":"));
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  node.append(bubble);
  if (message.author === "customer") {
    bubble.textContent = message.text;
    return node;
  }
  bubble.classList.add("markdown");
  fill(bubble, message, actions);
  if (message.options.length) node.append(optionList(message.options, actions));
  if (message.author === "bot" && message.kind === "answer") node.append(footer(message, actions));
  return node;
}

/** The element of an answer that is still being written. Screen readers hear the finished one. */
export function draftNode() {
  const node = document.createElement("article");
  node.className = "message bot draft";
  node.setAttribute("aria-hidden", "true");
  const bubble = document.createElement("div");
  bubble.className = "bubble markdown";
  node.append(bubble);
  return node;
}

/** Show `text` in a draft. */
export function fillDraft(node, text) {
  node.firstChild.replaceChildren(...render(text));
}

/** A line between messages: a state that changed, an error. `retry` adds a button. */
export function noticeNode(text, retry) {
  const node = document.createElement("p");
  node.className = retry ? "notice error" : "notice";
  node.textContent = text;
  if (retry) node.append(" ", button("Try again", "text", retry));
  return node;
}

/** A button with a text. */
export function button(text, className, onClick) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = className;
  node.textContent = text;
  node.addEventListener("click", onClick);
  return node;
}

/** Opens the panel with the article of a citation, its quote marked and in view. */
export class SourcePanel {
  constructor() {
    this.dialog = $("source");
    $("source-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => event.key === "Escape" && this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => {
      document.body.classList.remove("reading");
      this.opener?.removeAttribute("aria-expanded");
      this.opener?.focus({ preventScroll: true });
    });
  }

  show(number, quoted, opener) {
    this.opener?.removeAttribute("aria-expanded");
    this.opener = opener;
    opener.setAttribute("aria-expanded", "true");
    $("source-number").textContent = number;
    $("source-title").textContent = quoted.title;
    $("source-note").textContent = note(quoted);
    const text = withMark(quoted.text, quoted.start, quoted.end).replace(/^\s*#\s[^\n]*\n/, "");
    $("source-text").replaceChildren(...render(text));
    if (!this.dialog.open) {
      // Beside the conversation where there is room, in front of it on a phone.
      if (matchMedia("(min-width: 62rem)").matches) this.dialog.show();
      else this.dialog.showModal();
    }
    document.body.classList.add("reading");
    $("source-title").focus({ preventScroll: true });
    $("source-text").querySelector("mark")?.scrollIntoView({ block: "center" });
  }
}

function note(quoted) {
  const day = quoted.updated_at && new Date(quoted.updated_at).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
  if (!quoted.current) return "This article has changed since the answer was given. This is what it said.";
  return day ? `Help centre article, updated ${day}` : "Help centre article";
}

function fill(bubble, message, actions) {
  const { text, loose } = withCitations(message.text, message.citations);
  const chip = (number) => {
    const citation = message.citations.find((item) => item.number === number);
    const node = button(String(number), "chip", () => actions.open(message, citation, node));
    node.setAttribute("aria-label", `Source ${number}: ${citation.title}`);
    node.title = citation.title;
    return node;
  };
  bubble.append(...render(text, chip));
  if (loose.length) (bubble.lastElementChild ?? bubble).append(" ", ...loose.map(chip));
}

function footer(message, actions) {
  const node = document.createElement("div");
  node.className = "below";
  const titles = new Map();
  for (const citation of message.citations) {
    titles.set(citation.title, titles.get(citation.title) ?? citation);
  }
  const list = document.createElement("ul");
  list.className = "sources";
  list.setAttribute("aria-label", "Sources");
  for (const citation of titles.values()) {
    const item = document.createElement("li");
    const open = button(citation.title, "text", () => actions.open(message, citation, open));
    item.append(open);
    list.append(item);
  }
  node.append(list, thumbs(message, actions));
  return node;
}

function thumbs(message, actions) {
  const node = document.createElement("div");
  node.className = "thumbs";
  node.setAttribute("role", "group");
  node.setAttribute("aria-label", "Was this helpful?");
  const make = (rating, label) => {
    const thumb = button("", `thumb ${rating}`, async () => {
      await actions.rate(message, rating);
      for (const other of node.children) other.setAttribute("aria-pressed", String(other === thumb));
    });
    thumb.append(icon(THUMB));
    thumb.setAttribute("aria-label", label);
    thumb.setAttribute("aria-pressed", "false");
    return thumb;
  };
  node.append(make("up", "This helped"), make("down", "This did not help"));
  return node;
}

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

function optionList(options, actions) {
  const node = document.createElement("div");
  node.className = "options";
  node.setAttribute("role", "group");
  node.setAttribute("aria-label", "Choose one");
  node.append(...options.map((text) => button(text, "option", () => actions.choose(text))));
  return node;
}

function speaker(message) {
  return { customer: "You", bot: "Assistant", agent: "A colleague" }[message.author];
}

function hidden(text) {
  const node = document.createElement("span");
  node.className = "hidden";
  node.textContent = text;
  return node;
}
