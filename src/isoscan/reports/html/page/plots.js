// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// Bars of the head: what was found by whom, where, and how the scans ended.

import { counted, el, number, svg } from "./dom.js";
import { SEVERITIES, tally } from "./model.js";

const WIDTH = 400;
const LABEL = 152;
const VALUE_CHAR = 8;
const VALUE_EDGE = 12;
const PITCH = 23;
const BAR = 13;
const MAX_BARS = 8;
const LABEL_CHARS = 21;
const FEW_HOSTS = 3;

/**
 * @typedef {import("./model.js").Finding} Finding
 * @typedef {import("./model.js").Run} Run
 * @typedef {{ kind: string, value: number, name: string }} Part
 * @typedef {{ label: string, parts: Part[], value: string, pick?: () => void }} Bar
 */

/** @param {string} text the end of a name tells more than its middle */
function shortened(text) {
  if (text.length <= LABEL_CHARS) return text;
  return `${text.slice(0, LABEL_CHARS - 9)}…${text.slice(-8)}`;
}

/**
 * Stacked bars, one under the other. With `isShare` each is as long as all the others.
 * @param {string} title
 * @param {Bar[]} bars
 * @param {boolean} isShare
 */
function stacked(title, bars, isShare) {
  // "and 1 more" takes the place of the bar it stands for.
  const shown = bars.slice(0, bars.length === MAX_BARS + 1 ? bars.length : MAX_BARS);
  const sums = shown.map((bar) => bar.parts.reduce((sum, part) => sum + part.value, 0));
  const longest = Math.max(1, ...sums);
  const value = VALUE_EDGE + VALUE_CHAR * Math.max(4, ...shown.map((bar) => bar.value.length));
  const room = WIDTH - LABEL - value;
  const plot = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${shown.length * PITCH}`,
    role: "img",
    "aria-label": title,
  });
  shown.forEach((bar, row) => {
    const y = row * PITCH;
    const told = bar.parts.filter((part) => part.value > 0).map((part) =>
      `${number(part.value)} ${part.name}`
    );
    const group = svg("g", { class: bar.pick ? "bar pickable" : "bar" });
    group.append(
      svg("title", {}, `${bar.label}: ${told.join(", ") || "none"}`),
      svg("rect", { class: "hover", x: 0, y, width: WIDTH, height: PITCH, rx: 4 }),
      svg("text", { x: LABEL - 10, y: y + 16, "text-anchor": "end" }, shortened(bar.label)),
      svg("rect", { class: "track", x: LABEL, y: y + 5, width: room, height: BAR, rx: 3 }),
    );
    let x = LABEL;
    for (const part of bar.parts) {
      const width = part.value / (isShare ? sums[row] || 1 : longest) * room;
      if (part.value > 0) {
        const drawn = Math.max(width, 2);
        group.append(
          svg("rect", {
            class: `fill ${part.kind}`,
            x: x.toFixed(1),
            y: y + 5,
            width: drawn.toFixed(1),
            height: BAR,
            rx: 2,
          }),
        );
        x += width;
      }
    }
    group.append(svg("text", { class: "value", x: WIDTH - value + 8, y: y + 16 }, bar.value));
    if (bar.pick) group.addEventListener("click", bar.pick);
    plot.append(group);
  });
  const more = bars.length - shown.length;
  return el(
    "figure",
    { class: "card plot" },
    el("figcaption", {}, title),
    shown.length > 0 ? plot : el("p", { class: "soft" }, "none"),
    more > 0 && el("p", { class: "soft small" }, `and ${number(more)} more`),
  );
}

/**
 * One bar for each value of `key`, that with the worst findings first.
 * @param {Finding[]} findings
 * @param {(finding: Finding) => string} key
 * @param {(label: string) => void} pick
 * @returns {Bar[]}
 */
function bySeverity(findings, key, pick) {
  const bars = [...Map.groupBy(findings, key)].map(([label, members]) => {
    const counts = new Map(tally(members, (finding) => finding.severity));
    const parts = SEVERITIES.map((kind) => ({ kind, name: kind, value: counts.get(kind) ?? 0 }));
    return { label, parts, value: number(members.length), pick: () => pick(label) };
  });
  return bars.sort((one, other) => {
    const at = one.parts.findIndex((part, index) => part.value !== other.parts[index].value);
    return at < 0 ? 0 : other.parts[at].value - one.parts[at].value;
  });
}

/**
 * What a plugin found, by severity.
 * @param {Finding[]} findings
 * @param {(plugin: string) => void} pick
 */
export function pluginPlot(findings, pick) {
  return stacked("Findings by plugin", bySeverity(findings, (finding) => finding.plugin, pick), false);
}

/** @param {string} url */
function firstFolder(url) {
  const path = /^[^?#]*?\/\/[^/?#]*([^?#]*)/.exec(url)?.[1] ?? "/";
  return `/${path.split("/")[1] ?? ""}`;
}

/**
 * Where findings are: by host, of few hosts by the first part of the path too.
 * @param {Finding[]} findings
 * @param {(host: string) => void} pickHost
 * @param {(path: string) => void} pickPath
 */
export function placePlot(findings, pickHost, pickPath) {
  const hosts = new Set(findings.map((finding) => finding.host));
  if (hosts.size > FEW_HOSTS) {
    return stacked("Findings by host", bySeverity(findings, (finding) => finding.host, pickHost), false);
  }
  const isAlone = hosts.size === 1;
  const [host] = hosts;
  return stacked(
    isAlone ? `Findings by path of ${host}` : "Findings by host and path",
    bySeverity(findings, (finding) => (isAlone ? "" : finding.host) + firstFolder(finding.url), pickPath),
    false,
  );
}

/**
 * How each plugin's scans ended; those with failures first.
 * @param {Run} run
 * @param {() => void} pick
 */
export function verdictPlot(run, pick) {
  const plugins = [...run.plugins].sort((one, other) =>
    other.failed - one.failed || other.findings - one.findings
  );
  const bars = plugins.map((plugin) => ({
    label: plugin.id,
    parts: [
      { kind: "failed", name: "failed", value: plugin.failed },
      { kind: "found", name: "with findings", value: plugin.findings },
      { kind: "clean", name: "clean", value: plugin.clean },
      { kind: "none", name: "not applicable", value: plugin.notApplicable },
    ],
    value: plugin.failed ? `${number(plugin.failed)} ✕` : number(plugin.scans),
    pick,
  }));
  const card = stacked("Scans by plugin", bars, true);
  card.append(el(
    "p",
    { class: "legend" },
    ...[["failed", "failed"], ["found", "with findings"], ["clean", "clean"], ["none", "not applicable"]]
      .filter(([kind]) => bars.some((bar) => bar.parts.some((part) => part.kind === kind && part.value > 0)))
      .map(([kind, name]) => el("span", { class: `key ${kind}` }, name)),
  ));
  card.setAttribute("aria-label", counted(run.scans, "scan"));
  return card;
}
