// Renders the Markdown that answers and articles use into DOM nodes. Text only ever becomes text nodes,
// so nothing that a customer, a model or an article says can become markup.

// Private-use characters that mark places in a text; they are taken out of whatever comes from outside.
const CITE = "\uE000", CITE_END = "\uE001", MARK = "\uE002", MARK_END = "\uE003";
const OURS = /[\uE000-\uE003]/g;

const LIST_ITEM = /^(\s*)(?:([-*+])|(\d{1,3})[.)])\s+(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$/;
const INLINE = /\uE000(\d+)\uE001|\uE002([\s\S]*?)\uE003|\*\*(?=\S)([\s\S]+?)\*\*|__(?=\S)([\s\S]+?)__|`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)(?:\s+"[^"]*")?\)|(?<![\w*])\*(?=\S)([^*]+?)\*(?![\w*])/g;

/** The nodes of `text`. `chip(number)` makes the element for a citation. */
export function render(text, chip) {
  return blocks(text.replace(/\r\n?/g, "\n").split("\n"), chip);
}

/** `text` with the numbers of `citations` behind the words they quote, and those that found no place. */
export function withCitations(text, citations) {
  const clean = text.replace(OURS, "");
  const places = new Map(), placed = new Set();
  for (const citation of citations) {
    const at = clean.indexOf(citation.quote.replace(OURS, ""));
    if (at < 0 || placed.has(citation.number)) continue;
    placed.add(citation.number);
    const end = behind(clean, at + citation.quote.length);
    places.set(end, [...(places.get(end) ?? []), citation.number]);
  }
  let marked = clean;
  for (const [at, numbers] of [...places].sort((a, b) => b[0] - a[0])) {
    const chips = numbers.sort((a, b) => a - b).map((number) => CITE + number + CITE_END).join("");
    marked = marked.slice(0, at) + chips + marked.slice(at);
  }
  const loose = [...new Set(citations.map((citation) => citation.number))].filter((n) => !placed.has(n));
  return { text: marked, loose };
}

/** `text` with the characters from `start` to `end` (code points) marked, line by line. */
export function withMark(text, start, end) {
  const points = Array.from(text, (point) => (OURS.test(point) ? " " : point));
  OURS.lastIndex = 0;
  const head = points.slice(0, start).join(""), quote = points.slice(start, end).join("");
  return head + quote.split("\n").map(markLine).join("\n") + points.slice(end).join("");
}

function behind(text, at) {
  while (/[*_.!?)\]]/.test(text[at] ?? "")) at += 1;
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  // Within a table row a number goes into the last cell, not behind the row.
  return line.trimStart().startsWith("|") && line.endsWith("|") ? at - 1 : at;
}

function markLine(line) {
  if (!line.trim() || TABLE_RULE.test(line)) return line;
  if (line.includes("|")) return line.split("|").map((cell) => (cell.trim() ? wrap(cell) : cell)).join("|");
  const [, lead, rest] = line.match(/^(\s*(?:#{1,6}\s+|>\s*|[-*+]\s+|\d{1,3}[.)]\s+)?)(.*)$/s);
  return rest ? lead + wrap(rest) : line;
}

function wrap(text) {
  return MARK + text + MARK_END;
}

function blocks(lines, chip) {
  const nodes = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    const heading = line.match(/^(#{1,6})\s+(.*)$/);
    if (!line.trim()) {
      at += 1;
    } else if (heading) {
      nodes.push(element(`h${Math.min(heading[1].length + 2, 6)}`, inline(heading[2], chip)));
      at += 1;
    } else if (line.startsWith("```")) {
      const end = lines.findIndex((other, index) => index > at && other.startsWith("```"));
      const stop = end < 0 ? lines.length : end;
      nodes.push(element("pre", [document.createTextNode(lines.slice(at + 1, stop).join("\n").replace(OURS, ""))]));
      at = stop + 1;
    } else if (line.includes("|") && TABLE_RULE.test(lines[at + 1] ?? "")) {
      at = table(lines, at, nodes, chip);
    } else if (LIST_ITEM.test(line)) {
      at = list(lines, at, nodes, chip);
    } else if (line.startsWith(">")) {
      const quoted = take(lines, at, (other) => other.startsWith(">"));
      nodes.push(element("blockquote", blocks(quoted.map((other) => other.replace(/^>\s?/, "")), chip)));
      at += quoted.length;
    } else {
      const first = at;
      const found = take(lines, at, (other, index) => other.trim() && (index === first || !startsBlock(other)));
      nodes.push(element("p", inline(found.join("\n"), chip)));
      at += found.length;
    }
  }
  return nodes;
}

function startsBlock(line) {
  return LIST_ITEM.test(line) || /^(#{1,6}\s|```|>)/.test(line) || line.trimStart().startsWith("|");
}

function list(lines, at, nodes, chip) {
  const [, indent, bullet, number] = lines[at].match(LIST_ITEM);
  const items = [];
  for (; at < lines.length; at += 1) {
    const item = lines[at].match(LIST_ITEM);
    if (item && item[1].length <= indent.length && Boolean(item[2]) === Boolean(bullet)) {
      items.push([item[4]]);
    } else if (/^\s{2,}\S/.test(lines[at]) || (!lines[at].trim() && /^\s{2,}\S/.test(lines[at + 1] ?? ""))) {
      items.at(-1).push(lines[at].replace(/^\s{2,4}/, ""));
    } else if (lines[at].trim() || !LIST_ITEM.test(lines[at + 1] ?? "")) {
      break;
    }
  }
  const node = element(bullet ? "ul" : "ol", items.map((item) => element("li", tight(blocks(item, chip)))));
  if (number && number !== "1") node.start = Number(number);
  nodes.push(node);
  return at;
}

// A list item of one paragraph is shown without the paragraph's margins.
function tight(nodes) {
  return nodes[0]?.tagName === "P" ? [...nodes[0].childNodes, ...nodes.slice(1)] : nodes;
}

function table(lines, at, nodes, chip) {
  const rows = take(lines, at, (line) => line.includes("|"));
  const cells = (line, tag) =>
    line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => element(tag, inline(cell.trim(), chip)));
  const head = element("thead", [element("tr", cells(rows[0], "th"))]);
  head.querySelectorAll("th").forEach((cell) => (cell.scope = "col"));
  const body = element("tbody", rows.slice(2).map((row) => element("tr", cells(row, "td"))));
  const frame = element("div", [element("table", [head, body])]);
  frame.className = "table";
  nodes.push(frame);
  return at + rows.length;
}

function take(lines, at, belongs) {
  let end = at;
  while (end < lines.length && belongs(lines[end], end)) end += 1;
  return lines.slice(at, Math.max(end, at + 1));
}

function inline(text, chip) {
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > last) nodes.push(plain(text.slice(last, match.index)));
    nodes.push(span(match, chip));
    last = match.index + match[0].length;
  }
  if (last < text.length) nodes.push(plain(text.slice(last)));
  return nodes;
}

function span([whole, cited, marked, strong, strongToo, code, label, address, emphasis], chip) {
  if (cited) return chip ? chip(Number(cited)) : plain("");
  if (marked !== undefined) return element("mark", inline(marked, chip));
  if (strong ?? strongToo) return element("strong", inline(strong ?? strongToo, chip));
  if (code) return element("code", [plain(code)]);
  if (label) return link(label, address, chip);
  return emphasis ? element("em", inline(emphasis, chip)) : plain(whole);
}

function link(label, address, chip) {
  // Articles link to each other by file name; only what a browser can open is a link.
  if (!/^(https?:\/\/|mailto:|tel:)/i.test(address)) return element("span", inline(label, chip));
  const node = element("a", inline(label, chip));
  node.href = address;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  return node;
}

function plain(text) {
  return document.createTextNode(text.replace(OURS, ""));
}

function element(tag, children) {
  const node = document.createElement(tag);
  node.append(...children);
  return node;
}
