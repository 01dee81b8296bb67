// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// Puts the page together: head, filters, keys, links.

import { coverageView } from "./coverage.js";
import { detailView, factsView, nextMark } from "./detail.js";
import { button, counted, el, number } from "./dom.js";
import { List } from "./list.js";
import { everything, grouped, read, readFindings, selected, SEVERITIES, tally } from "./model.js";
import { placePlot, pluginPlot, verdictPlot } from "./plots.js";

/**
 * @typedef {import("./model.js").Finding} Finding
 * @typedef {import("./model.js").Run} Run
 */

const MAX_PRINTED = 500;
const COVERAGE = "coverage";

const run = /** @type {Run} */ (read("run")[0]);
const findings = readFindings();
const byFingerprint = new Map(findings.map((finding) => [finding.fingerprint, finding]));
const query = everything();
/** Whether some findings are new and some are not. */
const isNewTelling = new Set(findings.map((finding) => finding.isNew === true)).size > 1;
const list = new List(isNewTelling);
let shown = findings;
/** @type {"severity" | "plugin" | "host"} */
let groupedBy = "severity";

const wide = matchMedia("(min-width: 1000px)");
const pane = el("div", { class: "pane" });
const count = el("span", { class: "count", role: "status" });
const tiles = el("div", { class: "tiles" });

// ---- head ----------------------------------------------------------------------------

function headView() {
  const [first, ...others] = run.inputs.map((name) =>
    name === "-" ? "standard input" : name.split("/").at(-1) ?? name
  );
  const title = first === undefined
    ? "isoscan report"
    : first + (others.length > 0 ? ` and ${number(run.inputCount - 1)} more` : "");
  document.title = `${title} · isoscan report`;
  const started = new Date(run.started).toLocaleString("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  });
  const facts = [
    started,
    `${counted(run.transactions, "transaction")} × ${counted(run.plugins.length, "plugin")} = ${
      counted(run.scans, "scan")
    } in ${run.elapsedS.toFixed(1)} s`,
    run.isRedacted ? "secrets masked" : "secrets shown",
  ];
  return el(
    "header",
    { class: "head" },
    el(
      "div",
      { class: "line" },
      el(
        "div",
        {},
        el("p", { class: "brand" }, "isoscan report"),
        el("h1", { title: run.inputs.join("\n") }, el("bdi", {}, title)),
        el("p", { class: "soft" }, facts.join(" · ")),
      ),
    ),
    verdictView(),
    tiles,
    el(
      "div",
      { class: "plots" },
      pluginPlot(findings, (plugin) => narrow({ plugin })),
      placePlot(findings, (host) => narrow({ host }), (path) => narrow({ text: path })),
      verdictPlot(run, () => location.hash = COVERAGE),
    ),
  );
}

function verdictView() {
  if (run.outcome === "complete") {
    return el(
      "p",
      { class: "verdict good" },
      el("b", {}, "Complete. "),
      "Every plugin ran to its end on every transaction.",
    );
  }
  return el(
    "div",
    { class: "verdict bad" },
    el("b", {}, run.outcome === "interrupted" ? "INTERRUPTED" : "INCOMPLETE"),
    el("ul", {}, ...run.why.map((reason) => el("li", {}, reason))),
    el("a", { href: `#${COVERAGE}` }, "What did not run"),
  );
}

function drawTiles() {
  const counts = new Map(tally(findings, (finding) => finding.severity));
  tiles.replaceChildren(...SEVERITIES.map((severity) => {
    const own = counts.get(severity) ?? 0;
    return button(
      {
        class: `tile ${severity}`,
        "aria-pressed": query.severities.has(severity) ? "true" : "false",
        disabled: own === 0,
      },
      () => {
        if (!query.severities.delete(severity)) query.severities.add(severity);
        update();
      },
      el("span", { class: "number" }, number(own)),
      el("span", { class: "name" }, severity),
      el("span", { class: "soft" }, counted(run.severities[severity], "hit")),
    );
  }));
}

// ---- filters -------------------------------------------------------------------------

const search = el("input", {
  type: "search",
  name: "search",
  placeholder: "Search findings   /",
  "aria-label": "search",
  spellcheck: "false",
  autocomplete: "off",
});
const plugins = choice("plugin", tally(findings, (finding) => finding.plugin));
const hosts = choice("host", tally(findings, (finding) => finding.host));
const confidences = choice("confidence", tally(findings, (finding) => finding.confidence));
const groups = el("select", { name: "group", "aria-label": "group by" });
const onlyNew = el("input", { type: "checkbox", name: "new" });
for (const by of ["severity", "plugin", "host"]) groups.append(el("option", { value: by }, `by ${by}`));

/**
 * @param {string} name
 * @param {[string, number][]} values
 */
function choice(name, values) {
  const select = el("select", { name, "aria-label": name }, el("option", { value: "" }, `any ${name}`));
  for (const [value, amount] of values) {
    select.append(el("option", { value }, `${value} (${number(amount)})`));
  }
  return select;
}

function toolbar() {
  search.addEventListener("input", () => update());
  for (const control of [plugins, hosts, confidences, groups, onlyNew]) {
    control.addEventListener("change", () => update());
  }
  const tools = el(
    "div",
    { class: "tools" },
    search,
    groups,
    plugins,
    hosts,
    confidences,
    isNewTelling && el("label", {}, onlyNew, " new only"),
    button({ class: "clear" }, () => narrow({}), "Clear"),
    count,
  );
  // What sticks below them must know how high they are.
  new ResizeObserver(() => document.body.style.setProperty("--tools", `${tools.offsetHeight}px`)).observe(
    tools,
  );
  return tools;
}

/**
 * Shows everything but for what is given.
 * @param {{ plugin?: string, host?: string, text?: string }} wanted
 */
function narrow(wanted) {
  search.value = wanted.text ?? "";
  plugins.value = wanted.plugin ?? "";
  hosts.value = wanted.host ?? "";
  confidences.value = "";
  onlyNew.checked = false;
  query.severities.clear();
  update();
}

/** Reads the filters and shows what they leave. */
function update() {
  Object.assign(query, {
    text: search.value,
    plugin: plugins.value,
    host: hosts.value,
    confidence: confidences.value,
    onlyNew: onlyNew.checked,
  });
  groupedBy = /** @type {typeof groupedBy} */ (groups.value);
  shown = selected(findings, query);
  list.show(grouped(shown, groupedBy));
  const all = `${counted(findings.length, "finding")}`;
  count.textContent = shown.length === findings.length ? all : `${number(shown.length)} of ${all}`;
  document.body.classList.toggle("filtered", shown.length !== findings.length || query.severities.size > 0);
  empty.hidden = shown.length > 0;
  drawTiles();
}

const empty = el(
  "p",
  { class: "empty", hidden: true },
  findings.length === 0 ? emptyText() : "No finding matches. ",
);

function emptyText() {
  return run.outcome === "complete"
    ? "Nothing was found, and everything was scanned."
    : "Nothing was found in what was scanned; not everything was.";
}

// ---- opening -------------------------------------------------------------------------

/**
 * @param {Finding} finding
 * @param {boolean} isBrought
 */
function open(finding, isBrought) {
  const detail = detailView(finding, close);
  pane.replaceChildren(detail.element);
  detail.shown();
  const { top } = pane.getBoundingClientRect();
  if (isBrought && wide.matches && top > innerHeight * 0.4) {
    scrollBy({ top: top - parseFloat(getComputedStyle(pane).top) });
  }
  list.mark(finding, isBrought);
  pane.scrollTop = 0;
}

function close() {
  const last = list.current;
  history.replaceState(null, "", location.pathname + location.search);
  document.body.classList.remove("opened");
  if (wide.matches) list.mark(null, false), pane.replaceChildren(hint());
  [...list.drawn.values()].find((node) => node.getAttribute("href") === `#${last?.fingerprint}`)?.focus({
    preventScroll: true,
  });
}

function hint() {
  return el("p", { class: "hint soft" }, "Pick a finding to see its traffic with the evidence marked.");
}

function footer() {
  const keys = [["j", "next"], ["k", "previous"], ["n", "next mark"], ["Enter", "read"], ["/", "search"], [
    "Esc",
    "back",
  ]];
  return el(
    "footer",
    { class: "soft small" },
    el("span", {}, ...keys.flatMap(([key, what]) => [el("kbd", {}, key), ` ${what} `])),
    el("span", {}, `isoscan ${run.version} · this page loads nothing`),
  );
}

/** Shows what the address names. */
function follow() {
  const name = location.hash.slice(1);
  const isCoverage = name === COVERAGE;
  document.body.classList.toggle("on-coverage", isCoverage);
  for (const tab of document.querySelectorAll(".tabs a")) {
    const isCurrent = (tab.getAttribute("href") === `#${COVERAGE}`) === isCoverage;
    if (isCurrent) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (isCoverage) {
    document.body.classList.remove("opened");
    return document.querySelector(".tabs")?.scrollIntoView();
  }
  const finding = byFingerprint.get(name);
  if (finding === undefined) {
    document.body.classList.remove("opened");
    return list.draw();
  }
  if (!shown.includes(finding)) narrow({});
  document.body.classList.add("opened");
  list.draw();
  open(finding, true);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target instanceof HTMLInputElement && event.target.type === "search";
  if (event.key === "Escape") {
    if (isTyping && search.value !== "") {
      search.value = "";
      update();
    } else if (isTyping) search.blur();
    else close();
  } else if (isTyping && event.key === "Enter") {
    search.blur();
    step(0);
  } else if (
    isTyping || event.target instanceof HTMLSelectElement || document.body.classList.contains("on-coverage")
  ) {
    return;
  } else if (event.key === "/") search.focus();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "n") nextMark(pane);
  else if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) {
    if (list.current !== null) {
      location.hash = list.current.fingerprint;
      document.body.classList.add("opened");
      pane.querySelector("article")?.focus({ preventScroll: true });
    }
  } else return;
  event.preventDefault();
}

/** @param {number} by */
function step(by) {
  const next = by === 0 && list.current !== null && shown.includes(list.current)
    ? list.current
    : list.near(by || 1);
  if (next === null) return;
  // The address follows without a history entry for each step.
  history.replaceState(null, "", `#${next.fingerprint}`);
  open(next, true);
}

// ---- print ---------------------------------------------------------------------------

const printed = el("div", { class: "printed" });

addEventListener("beforeprint", () => {
  const first = shown.slice(0, MAX_PRINTED);
  printed.replaceChildren(
    el("h2", {}, count.textContent),
    ...first.map((finding) => el("article", {}, ...factsView(finding))),
    ...(shown.length > first.length
      ? [el("p", {}, `and ${number(shown.length - first.length)} more, not printed`)]
      : []),
    coverageView(run),
  );
});
addEventListener("afterprint", () => printed.replaceChildren());

// ---- start ---------------------------------------------------------------------------

function leftOut() {
  const sentences = [
    run.hitsLeftOut > 0 &&
    `${counted(run.hitsLeftOut, "hit")} of the least severe findings are not on this page.`,
    run.trafficLeftOut > 0 && `The traffic of ${counted(run.trafficLeftOut, "transaction")} is left out.`,
  ].filter(Boolean);
  return sentences.length > 0 &&
    el("p", { class: "verdict note" }, el("b", {}, "Not everything fits. "), sentences.join(" "));
}

function start() {
  const app = /** @type {HTMLElement} */ (document.getElementById("app"));
  pane.append(hint());
  app.replaceChildren(
    headView(),
    leftOut() || "",
    el(
      "nav",
      { class: "tabs" },
      el("a", { href: "#" }, "Findings ", el("span", { class: "soft" }, number(findings.length))),
      el(
        "a",
        { href: `#${COVERAGE}` },
        "Coverage ",
        run.outcome !== "complete" && el("span", { class: "bad" }, "●"),
      ),
    ),
    el(
      "main",
      { class: "findings" },
      toolbar(),
      el("div", { class: "columns" }, el("div", {}, list.element, empty), pane),
    ),
    coverageView(run),
    footer(),
    printed,
  );
  update();
  addEventListener("hashchange", follow);
  addEventListener("keydown", onKey);
  follow();
  if (list.current === null && wide.matches && shown.length > 0) open(shown[0], false);
  performance.mark("ready");
}

start();
