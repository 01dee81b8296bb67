// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// One finding opened: what it is, where it stands, and the traffic with the evidence marked.

import { button, bytes, counted, el, number, outside, visible } from "./dom.js";
import { exchangeAt } from "./model.js";

/**
 * @typedef {import("./model.js").Finding} Finding
 * @typedef {import("./model.js").Hit} Hit
 * @typedef {import("./model.js").Message} Message
 */

const MAX_MARKS = 200;

/** Puts text into elements and marks in it what the evidence quotes. */
class Marker {
  /** @param {string[]} quotes */
  constructor(quotes) {
    this.quotes = quotes.map(visible).filter(Boolean).sort((one, other) => other.length - one.length);
    this.count = 0;
  }

  /**
   * @param {HTMLElement} element
   * @param {string} text
   */
  fill(element, text) {
    const shown = visible(text);
    let from = 0;
    while (this.count < MAX_MARKS) {
      let at = -1;
      let found = "";
      for (const quote of this.quotes) {
        const place = shown.indexOf(quote, from);
        if (place >= 0 && (at < 0 || place < at)) {
          at = place;
          found = quote;
        }
      }
      if (at < 0) break;
      element.append(shown.slice(from, at), el("mark", {}, found));
      from = at + found.length;
      this.count++;
    }
    element.append(shown.slice(from));
    return element;
  }
}

/**
 * The name of a header that a location such as `response.header:set-cookie:sid` points at.
 * @param {string} location
 * @param {string} part
 */
function headerAt(location, part) {
  const match = /^(request|response)\.header:([^:]+)/.exec(location);
  return match !== null && match[1] === part ? match[2].toLowerCase() : null;
}

/** @param {string} hex */
function hexLines(hex) {
  const pairs = hex.split(" ");
  const lines = [];
  for (let at = 0; at < pairs.length; at += 16) {
    const row = pairs.slice(at, at + 16);
    const text = row.map((pair) => {
      const code = parseInt(pair, 16);
      return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : "·";
    });
    lines.push(`${at.toString(16).padStart(4, "0")}  ${row.join(" ").padEnd(47)}  ${text.join("")}`);
  }
  return lines.join("\n");
}

/**
 * @param {string} name
 * @param {Message} message
 * @param {Marker} marker
 * @param {string} location
 */
function messageView(name, message, marker, location) {
  const { body } = message;
  const before = marker.count;
  const start = marker.fill(el("div", { class: "start" }), message.line);
  const wanted = headerAt(location, name);
  const headers = el("div", { class: "headers" });
  for (const [header, value] of message.headers) {
    const isWanted = header.toLowerCase() === wanted;
    // A quote may reach from the name into the value.
    const line = el("div", { class: isWanted ? "header here" : "header" });
    const own = new Marker(marker.quotes);
    own.fill(line, `${header}: ${value}`);
    marker.count += own.count;
    if (own.count === 0) {
      line.replaceChildren(el("span", { class: "name" }, `${header}:`), ` ${visible(value)}`);
    }
    headers.append(line);
  }
  if (wanted !== null && headers.querySelector(".here") === null && message.moreHeaders === 0) {
    headers.append(el("div", { class: "header here" }, `${wanted}: `, el("i", {}, "not there")));
  }
  if (message.moreHeaders > 0) {
    headers.append(el("div", { class: "gap" }, `… ${counted(message.moreHeaders, "header")} more`));
  }
  const parts = [start, headers];
  if (body.hex !== undefined) {
    const rest = body.bytes - Math.min(body.bytes, (body.hex.length + 1) / 3);
    parts.push(el(
      "pre",
      { class: "body" },
      hexLines(body.hex),
      rest > 0 && el("span", { class: "gap" }, `… ${counted(rest, "byte")} more`),
    ));
  } else if (body.bytes > 0) {
    const pre = el("pre", { class: "body", tabindex: 0 });
    for (const [skipped, text] of body.parts ?? []) {
      if (skipped > 0) pre.append(el("span", { class: "gap" }, `… ${counted(skipped, "byte")} more …`));
      marker.fill(pre, text);
    }
    if (body.rest) pre.append(el("span", { class: "gap" }, `… ${counted(body.rest, "byte")} more`));
    parts.push(pre);
  }
  const kind = body.bytes === 0
    ? "no body"
    : `${bytes(body.bytes)}, ${body.hex === undefined ? body.charset : "binary"}`;
  const found = marker.count - before;
  return el(
    "section",
    { class: `message ${name}` },
    el(
      "h4",
      {},
      name === "request" ? "Request" : "Response",
      el("span", { class: "soft" }, kind),
      found > 0 && el("span", { class: "found" }, counted(found, "mark")),
    ),
    ...parts,
  );
}

/**
 * The traffic of one occurrence; nothing where none was kept.
 * @param {Finding} finding
 * @param {Hit | undefined} hit
 */
function trafficParts(finding, hit) {
  if (hit?.exchange === undefined) return [];
  const exchange = hit.exchange === null ? null : exchangeAt(hit.exchange);
  if (exchange === null) {
    const isReading = document.readyState === "loading";
    const text = isReading
      ? "The traffic is still being read …"
      : "The traffic is left out: the page has no room for all.";
    return [el("p", { class: "soft" }, text)];
  }
  const quotes = hit.quotes ?? [];
  const marker = new Marker(quotes.length > 0 || finding.evidence.length < 3 ? quotes : [finding.evidence]);
  return [
    messageView("request", exchange.request, marker, finding.location),
    exchange.response === null
      ? el("p", { class: "soft" }, "There is no response in the capture.")
      : messageView("response", exchange.response, marker, finding.location),
  ];
}

/**
 * Brings the first mark of each body into its own window.
 * @param {HTMLElement} element
 */
function bringMarks(element) {
  for (const body of element.querySelectorAll("pre.body")) {
    const mark = body.querySelector("mark");
    if (mark !== null) body.scrollTop = mark.offsetTop - body.clientHeight / 3;
  }
}

/**
 * Goes to the next place that is marked, after the last one to the first.
 * @param {Element} element
 */
export function nextMark(element) {
  const marks = [...element.querySelectorAll("mark, .header.here")];
  const next = marks[(marks.findIndex((mark) => mark.classList.contains("current")) + 1) % marks.length];
  for (const mark of marks) mark.classList.toggle("current", mark === next);
  next?.scrollIntoView({ block: "center" });
}

/** @param {Finding} finding */
function references(finding) {
  const parts = [];
  const cwe = /^CWE-(\d{1,6})$/i.exec(finding.cwe.trim());
  if (cwe !== null) parts.push(outside(`https://cwe.mitre.org/data/definitions/${cwe[1]}.html`, finding.cwe));
  else if (finding.cwe) parts.push(finding.cwe);
  const owasp = /^A\d{2}:(20\d{2})/.exec(finding.owasp.trim());
  if (owasp !== null) {
    parts.push(
      outside(`https://owasp.org/Top10/${owasp[1] === "2025" ? "2025/" : ""}`, `OWASP ${finding.owasp}`),
    );
  } else if (finding.owasp) parts.push(`OWASP ${finding.owasp}`);
  return parts;
}

/** @param {string} json */
function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // it was cut
  }
}

/**
 * @param {string} title
 * @param {string} text
 */
function paragraph(title, text) {
  return text === "" ? null : el("section", {}, el("h4", {}, title), el("p", { class: "prose" }, text));
}

/**
 * What a finding is, without its traffic.
 * @param {Finding} finding
 */
export function factsView(finding) {
  const [hit] = finding.hits;
  /** @type {[string, import("./dom.js").Child[]][]} */
  const facts = [
    ["Plugin", [finding.plugin]],
    ["Confidence", [finding.confidence]],
    ["Type", [finding.type]],
    ["Where", [finding.location]],
    ["Fingerprint", [el("code", {}, finding.fingerprint)]],
    ["Capture", [hit?.place ?? "", hit?.offset != null && `, byte ${number(hit.offset)}`]],
    ["References", references(finding).flatMap((part, index) => index > 0 ? [" · ", part] : [part])],
  ];
  return [
    el(
      "p",
      { class: "labels" },
      el("span", { class: `chip ${finding.severity}` }, finding.severity),
      finding.isNew === true && el("span", { class: "new" }, "new"),
      finding.isNew === false && el("span", { class: "soft" }, "known before"),
    ),
    el("h2", {}, el("bdi", {}, finding.title)),
    el("p", { class: "address" }, el("b", {}, finding.method), " ", el("bdi", {}, finding.url)),
    el(
      "dl",
      { class: "facts" },
      ...facts.filter(([, value]) => value.some((part) => part !== "" && part !== false))
        .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, ...value)]),
    ),
    paragraph("What it means", finding.description),
    paragraph("What to do", finding.remediation),
    finding.evidence === ""
      ? null
      : el("section", {}, el("h4", {}, "Evidence"), el("pre", { class: "evidence" }, finding.evidence)),
    finding.extra === "" ? null : el(
      "section",
      {},
      el("h4", {}, "More from the plugin"),
      el("pre", { class: "evidence" }, pretty(finding.extra)),
    ),
  ].filter((part) => part !== null);
}

/**
 * The list of a finding's occurrences. Those with traffic can be picked.
 * @param {Finding} finding
 * @param {(hit: Hit) => void} pick
 */
function occurrences(finding, pick) {
  const list = el("ol", { class: "occurrences" });
  finding.hits.forEach((hit, index) => {
    const place = hit.place === hit.id.replace("#", ", entry ") ? "" : hit.place;
    const label = place === "" ? hit.id : `${hit.id} (${place})`;
    const where = hit.url !== finding.url && el("span", { class: "soft" }, ` ${hit.method} ${hit.url}`);
    if (!hit.exchange) return list.append(el("li", {}, label, where));
    const own = button({ class: "hit", "aria-pressed": String(index === 0) }, () => {
      for (const other of list.querySelectorAll("button")) {
        other.setAttribute("aria-pressed", String(other === own));
      }
      pick(hit);
    }, label);
    list.append(el("li", {}, own, where));
  });
  const more = finding.count - finding.hits.length;
  return el(
    "section",
    {},
    el(
      "h4",
      {},
      `Seen ${number(finding.count)} times`,
      el("span", { class: "soft" }, "with the traffic of the first few"),
    ),
    list,
    more > 0 && el("p", { class: "soft small" }, `and ${number(more)} more`),
  );
}

/**
 * A finding with its traffic and all its occurrences. `shown` is to be called once the element is in the page.
 * @param {Finding} finding
 * @param {() => void} close
 */
export function detailView(finding, close) {
  const traffic = el("div", { class: "traffic" });
  let [current] = finding.hits;
  const jump = button({ class: "jump" }, () => nextMark(traffic));
  const draw = () => {
    traffic.replaceChildren(...trafficParts(finding, current));
    bringMarks(traffic);
    const marks = traffic.querySelectorAll("mark, .header.here").length;
    jump.hidden = marks === 0;
    jump.textContent = `${counted(marks, "mark")} in the traffic ↓`;
  };
  // The traffic stands behind the script that is running: at first it may not have been read.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", draw, { once: true });
  const element = el(
    "article",
    { class: "detail", tabindex: -1, "aria-label": "the open finding" },
    button({ class: "close", "aria-label": "back to the list" }, close, "✕"),
    ...factsView(finding),
    jump,
    finding.count > 1 && occurrences(finding, (hit) => {
      current = hit;
      draw();
    }),
    traffic,
  );
  return { element, shown: draw };
}
