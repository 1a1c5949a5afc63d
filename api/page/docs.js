// Shows the OpenAPI document as a page, with nothing fetched from elsewhere.

import { render } from "./markdown.js";

const $ = (id) => document.getElementById(id);

function node(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function example(title, content) {
  const shown = Object.values(content ?? {})[0]?.example;
  if (shown === undefined || shown === null) return [];
  const text = typeof shown === "string" ? shown : JSON.stringify(shown, null, 2);
  return [node("h3", "", title), node("pre", "", text)];
}

function parameters(list = []) {
  if (!list.length) return [];
  const rows = list.flatMap((item) => {
    const kind = item.required ? `${item.in}, required` : item.in;
    return [node("dt", "", node("code", "", item.name)), node("dd", "", `${kind}. ${item.description ?? ""}`)];
  });
  return [node("h3", "", "Parameters"), node("dl", "", ...rows)];
}

function operation(method, path, found) {
  const summary = node("summary", "", node("span", "method", method.toUpperCase()), node("code", "", path), node("span", "note", found.summary));
  const responses = Object.entries(found.responses);
  const success = responses.filter(([status]) => status < 300);
  const errors = responses.filter(([status]) => status >= 300).map(([status]) => status);
  const inside = node(
    "div",
    "inside markdown",
    ...render(found.description ?? ""),
    ...parameters(found.parameters),
    ...example("Request", found.requestBody?.content),
    ...success.flatMap(([status, response]) => example(`Response ${status}`, response.content)),
    node("p", "note", `Errors: ${errors.join(", ")}`),
  );
  return node("details", "", summary, inside);
}

const description = await fetch("/openapi.json").then((response) => response.json());
$("title").textContent = `${description.info.title} API ${description.info.version}`;
$("about").append(...render(description.info.description));
const byTag = new Map();
for (const [path, operations] of Object.entries(description.paths)) {
  for (const [method, found] of Object.entries(operations)) {
    const tag = found.tags[0];
    byTag.set(tag, [...(byTag.get(tag) ?? []), operation(method, path, found)]);
  }
}
for (const [tag, found] of byTag) $("operations").append(node("section", "", node("h2", "", tag), ...found));
