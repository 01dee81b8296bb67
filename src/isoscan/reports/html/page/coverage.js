// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// What was scanned and what was not: plugins, failures, rejected entries.

import { counted, el, milliseconds, number } from "./dom.js";

/**
 * @typedef {import("./model.js").Run} Run
 * @typedef {import("./model.js").Plugin} Plugin
 * @typedef {import("./dom.js").Child} Child
 */

/**
 * @param {string} title
 * @param {...Child} children
 */
function card(title, ...children) {
  return el("section", { class: "card" }, el("h2", {}, title), ...children);
}

/**
 * @param {"figures" | "words"} kind
 * @param {string[]} heads
 * @param {Child[][]} rows
 */
function table(kind, heads, rows) {
  return el(
    "div",
    { class: "wide" },
    el(
      "table",
      { class: kind },
      el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
      el(
        "tbody",
        {},
        ...rows.map((row) =>
          el(
            "tr",
            {},
            ...row.map((cell, index) => index === 0 ? el("th", { scope: "row" }, cell) : el("td", {}, cell)),
          )
        ),
      ),
    ),
  );
}

/** @param {number} count */
function failures(count) {
  return count === 0 ? el("span", { class: "soft" }, "0") : el("span", { class: "bad" }, number(count));
}

/** @param {Plugin} plugin */
function pluginRow(plugin) {
  const [slowest] = plugin.slowest;
  const five = plugin.slowest.map(([ms, id]) => `${milliseconds(ms)} ${id}`).join("\n");
  return [
    el(
      "span",
      { title: plugin.description || plugin.name },
      plugin.id,
      el("span", { class: "soft" }, ` ${plugin.version}`),
    ),
    number(plugin.scans),
    number(plugin.findings),
    number(plugin.clean),
    number(plugin.notApplicable),
    failures(plugin.failed),
    milliseconds(plugin.totalMs),
    plugin.scans > 0 ? milliseconds(plugin.totalMs / plugin.scans) : "",
    slowest === undefined ? "" : el("span", { title: five }, milliseconds(slowest[0])),
  ];
}

/** @param {Plugin} plugin */
function troubles(plugin) {
  const parts = plugin.failures.map((failure) =>
    el(
      "div",
      { class: "trouble" },
      el(
        "p",
        {},
        el("b", { class: "bad" }, `${counted(failure.count, "scan")} ${failure.verdict}`),
        ", first at ",
        el("code", {}, failure.transaction),
      ),
      el(
        "pre",
        { class: "evidence" },
        failure.text,
        ...failure.stack.split("\n").filter((line) => /^\s+at /.test(line)).map((line) => `\n${line}`),
      ),
    )
  );
  if (plugin.denials.length > 0) {
    const tried = plugin.denials.map(([permission, target, count]) =>
      `${permission} ${target} (${number(count)})`
    );
    parts.push(el("div", { class: "trouble" }, el("p", {}, el("b", {}, "Denied: "), tried.join(", "))));
  }
  if (plugin.notGranted.length > 0) {
    const asked = plugin.notGranted.map((word) => word.replace(" ", "="));
    parts.push(
      el(
        "div",
        { class: "trouble" },
        el("p", {}, el("b", {}, "Asks for more than it was granted (--allow): "), asked.join(", ")),
      ),
    );
  }
  return parts.length === 0 ? [] : [el("h3", {}, plugin.id), ...parts];
}

/** @param {[string, number][]} counts */
function tallied(counts) {
  return counts.map(([text, count]) => `${text} (${number(count)})`).join("\n");
}

/**
 * The whole view.
 * @param {Run} run
 */
export function coverageView(run) {
  const plugins = [...run.plugins].sort((one, other) =>
    other.failed - one.failed || other.totalMs - one.totalMs
  );
  const slowest = run.plugins.flatMap((plugin) =>
    plugin.slowest.map(([ms, id]) => ({ ms, id, plugin: plugin.id }))
  )
    .sort((one, other) => other.ms - one.ms).slice(0, 12);
  const trouble = plugins.flatMap(troubles);
  const view = el("div", { class: "coverage" });
  view.append(card(
    "Plugins",
    table("figures", [
      "plugin",
      "scans",
      "findings",
      "clean",
      "not applicable",
      "failed",
      "time",
      "mean",
      "slowest",
    ], plugins.map(pluginRow)),
    el("p", { class: "soft small" }, "Time is that of a plugin's scans together; plugins run side by side."),
  ));
  if (trouble.length > 0) view.append(card("What did not run as asked", ...trouble));
  if (run.rejected.length > 0) {
    const more = run.rejectedCount - run.rejected.length;
    view.append(card(
      `${counted(run.rejectedCount, "entry", "entries")} could not be read`,
      table("words", ["where", "why"], run.rejected.map(([place, problem]) => [place, problem])),
      more > 0 && el("p", { class: "soft small" }, `and ${number(more)} more`),
    ));
  }
  if (slowest.length > 0) {
    view.append(
      card(
        "Slowest scans",
        table(
          "words",
          ["transaction", "plugin", "time"],
          slowest.map((scan) => [scan.id, scan.plugin, milliseconds(scan.ms)]),
        ),
      ),
    );
  }
  /** @type {[string, string][]} */
  const facts = [
    [
      "Inputs",
      run.inputs.join("\n") +
      (run.inputCount > run.inputs.length ? `\nand ${number(run.inputCount - run.inputs.length)} more` : ""),
    ],
    ["Entries read", number(run.entries)],
    ["Transactions", number(run.transactions)],
    ["No HTTP exchange, left out", run.outOfScope > 0 ? number(run.outOfScope) : ""],
    [
      "Sandbox",
      [run.sandbox, ...run.sandboxMissing.map(([name, why]) => `without ${name}: ${why}`)].join("\n"),
    ],
    ["Secrets", run.isRedacted ? "masked" : "shown as captured"],
    ["Left out by the scope", tallied(run.scopeLeftOut)],
    ["Suppressed findings", tallied(run.suppressed)],
    [
      "Known from earlier",
      run.known > 0 ? `${number(run.known)}${run.isNewOnly ? ", not reported" : ""}` : "",
    ],
    ["Notes", tallied(run.notes)],
    ["Configuration", run.remarks.join("\n")],
    ["isoscan", run.version],
  ];
  view.append(
    card(
      "The run",
      el(
        "dl",
        { class: "facts" },
        ...facts.filter(([, value]) => value !== "").flatMap((
          [name, value],
        ) => [el("dt", {}, name), el("dd", {}, value)]),
      ),
    ),
  );
  return view;
}
