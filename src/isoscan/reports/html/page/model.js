// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// The report's data: what it is, which part of it is shown, and in which order.

/**
 * @typedef {"critical" | "high" | "medium" | "low" | "info"} Severity
 * @typedef {{
 *   id: string, url: string, method: string, place: string, offset: number | null,
 *   quotes?: string[], exchange?: [number, number] | null,
 * }} Hit
 * @typedef {{
 *   fingerprint: string, severity: Severity, confidence: string, plugin: string, title: string, type: string,
 *   method: string, url: string, description: string, evidence: string, location: string, cwe: string,
 *   owasp: string, remediation: string, extra: string, isNew: boolean | null, count: number, hits: Hit[],
 *   host: string, searched?: string,
 * }} Finding
 * @typedef {{ bytes: number, hex?: string, charset?: string, parts?: [number, string][], rest?: number }} Body
 * @typedef {{ line: string, headers: [string, string][], moreHeaders: number, body: Body }} Message
 * @typedef {{ id: string, request: Message, response: Message | null }} Exchange
 * @typedef {{ verdict: string, count: number, transaction: string, text: string, stack: string }} Failure
 * @typedef {{
 *   id: string, name: string, version: string, description: string, scans: number, clean: number,
 *   findings: number, notApplicable: number, failed: number, totalMs: number, slowest: [number, string][],
 *   failures: Failure[], denials: [string, string, number][], notGranted: string[],
 * }} Plugin
 * @typedef {{
 *   version: string, started: string, elapsedS: number, inputs: string[], inputCount: number,
 *   outcome: "complete" | "incomplete" | "interrupted", why: string[], isRedacted: boolean, entries: number,
 *   transactions: number, scans: number, total: number, hitsLeftOut: number, trafficLeftOut: number,
 *   severities: Record<Severity, number>, plugins: Plugin[], sandbox: string,
 *   sandboxMissing: [string, string][], rejected: [string, string][], rejectedCount: number,
 *   outOfScope: number, notes: [string, number][], scopeLeftOut: [string, number][],
 *   suppressed: [string, number][], isNewOnly: boolean, known: number, remarks: string[],
 * }} Run
 * @typedef {{
 *   text: string, severities: Set<string>, plugin: string, host: string, confidence: string, onlyNew: boolean,
 * }} Query
 * @typedef {{ kind: "group", label: string, severity: Severity, count: number }
 *   | { kind: "finding", finding: Finding }} Row
 */

/** @type {Severity[]} */
export const SEVERITIES = ["critical", "high", "medium", "low", "info"];

/**
 * A block of data of this page; null when it is not there (any more, or yet).
 * @param {string} name
 * @returns {any}
 */
export function read(name) {
  const block = document.getElementById(name);
  return block === null ? null : JSON.parse(block.textContent);
}

/** @param {string} url */
export function hostOf(url) {
  const match = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(url);
  return match ? match[1].toLowerCase() : "(no host)";
}

/** @returns {Finding[]} */
export function readFindings() {
  /** @type {Finding[]} */
  const findings = read("findings");
  for (const finding of findings) finding.host = hostOf(finding.url);
  return findings;
}

const BLOCKS_KEPT = 8;
/** @type {Map<number, Exchange[]>} */
const blocks = new Map();

/**
 * The exchange at a block and an index there; null when the page was too large for it.
 * @param {[number, number]} place
 * @returns {Exchange | null}
 */
export function exchangeAt([number, index]) {
  let block = blocks.get(number);
  if (block === undefined) {
    block = read(`traffic-${number}`) ?? undefined;
    if (block === undefined) return null;
    blocks.set(number, block);
    for (const oldest of [...blocks.keys()].slice(0, -BLOCKS_KEPT)) blocks.delete(oldest);
  }
  return block[index];
}

/** @returns {Query} */
export function everything() {
  return { text: "", severities: new Set(), plugin: "", host: "", confidence: "", onlyNew: false };
}

/** @param {Finding} finding */
function searched(finding) {
  finding.searched ??= [finding.title, finding.url, finding.evidence, finding.description, finding.type]
    .join("\n").toLowerCase();
  return finding.searched;
}

/**
 * The findings a query asks for, in their order. All words of its text must occur.
 * @param {Finding[]} findings
 * @param {Query} query
 */
export function selected(findings, query) {
  const words = query.text.toLowerCase().split(/\s+/).filter(Boolean);
  return findings.filter((finding) =>
    (query.severities.size === 0 || query.severities.has(finding.severity)) &&
    (query.plugin === "" || finding.plugin === query.plugin) &&
    (query.host === "" || finding.host === query.host) &&
    (query.confidence === "" || finding.confidence === query.confidence) &&
    (!query.onlyNew || finding.isNew === true) &&
    words.every((word) => searched(finding).includes(word))
  );
}

/**
 * The rows of the list: findings under the heading of their group, the group with the worst finding first.
 * @param {Finding[]} findings the worst first
 * @param {"severity" | "plugin" | "host"} by
 * @returns {Row[]}
 */
export function grouped(findings, by) {
  // Of findings sorted by severity, the groups come in the order of their worst one.
  const groups = Map.groupBy(findings, (finding) => finding[by]);
  /** @type {Row[]} */
  const rows = [];
  for (const [label, members] of groups) {
    rows.push({ kind: "group", label, severity: members[0].severity, count: members.length });
    for (const finding of members) rows.push({ kind: "finding", finding });
  }
  return rows;
}

/**
 * How often each value occurs, the most frequent first.
 * @template T
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @returns {[string, number][]}
 */
export function tally(items, key) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
}
