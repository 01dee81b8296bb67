// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="esnext" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// The list of findings. Only the rows near the window exist, however many there are.

import { el, number } from "./dom.js";

/** Heights of rows in pixels; the style sheet draws them so. */
const HEIGHT = { group: 38, finding: 62 };
const BEYOND_PX = 600;

/**
 * @typedef {import("./model.js").Row} Row
 * @typedef {import("./model.js").Finding} Finding
 */

/**
 * @param {Finding} finding
 * @param {boolean} isNewTelling
 */
function findingRow(finding, isNewTelling) {
  return el(
    "a",
    { class: `row ${finding.severity}`, href: `#${finding.fingerprint}` },
    el(
      "span",
      { class: "top" },
      el("span", { class: "dot", title: finding.severity }),
      el("bdi", { class: "title" }, finding.title),
      isNewTelling && finding.isNew === true && el("span", { class: "new" }, "new"),
      finding.count > 1 &&
        el("span", { class: "hits", title: `${number(finding.count)} hits` }, `×${number(finding.count)}`),
    ),
    el(
      "span",
      { class: "below" },
      el("span", { class: "url" }, el("b", {}, finding.method), " ", el("bdi", {}, finding.url)),
      el("span", { class: "plugin" }, finding.plugin),
    ),
  );
}

/** @param {Extract<Row, { kind: "group" }>} row */
function groupRow(row) {
  return el(
    "h3",
    { class: `group ${row.severity}` },
    el("bdi", {}, row.label),
    el("span", { class: "soft" }, number(row.count)),
  );
}

/** Shows rows as they scroll by; the page's own scroll bar is theirs. */
export class List {
  /** @param {boolean} isNewTelling whether rows tell that they are new */
  constructor(isNewTelling) {
    this.isNewTelling = isNewTelling;
    this.element = el("div", { class: "list", role: "navigation", "aria-label": "findings" });
    /** @type {Row[]} */
    this.rows = [];
    /** Where each row begins, and where the last one ends. */
    this.tops = [0];
    /** @type {Map<number, HTMLElement>} */
    this.drawn = new Map();
    /** @type {Finding | null} */
    this.current = null;
    let isAsked = false;
    const ask = () => {
      if (isAsked) return;
      isAsked = true;
      requestAnimationFrame(() => {
        isAsked = false;
        this.draw();
      });
    };
    addEventListener("scroll", ask, { passive: true });
    addEventListener("resize", ask, { passive: true });
  }

  /** @param {Row[]} rows */
  show(rows) {
    this.rows = rows;
    this.tops = [0];
    for (const row of rows) this.tops.push(this.tops[this.tops.length - 1] + HEIGHT[row.kind]);
    this.element.style.height = `${this.tops[rows.length]}px`;
    for (const node of this.drawn.values()) node.remove();
    this.drawn.clear();
    this.draw();
  }

  /** Makes the rows that came near and drops those that went. */
  draw() {
    if (!this.element.isConnected) return;
    const above = -this.element.getBoundingClientRect().top;
    const first = Math.max(0, this.rowAt(above - BEYOND_PX));
    const last = Math.min(this.rows.length - 1, this.rowAt(above + innerHeight + BEYOND_PX));
    for (const [index, node] of this.drawn) {
      if (index < first || index > last) {
        node.remove();
        this.drawn.delete(index);
      }
    }
    for (let index = first; index <= last; index++) {
      if (this.drawn.has(index)) continue;
      const row = this.rows[index];
      const node = row.kind === "group" ? groupRow(row) : findingRow(row.finding, this.isNewTelling);
      node.style.top = `${this.tops[index]}px`;
      if (row.kind === "finding" && row.finding === this.current) node.setAttribute("aria-current", "true");
      this.drawn.set(index, node);
      const next = this.drawn.get(index + 1);
      this.element.insertBefore(node, next ?? null);
    }
  }

  /** @param {number} y in pixels below the list's top */
  rowAt(y) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {Finding | null} finding */
  indexOf(finding) {
    return this.rows.findIndex((row) => row.kind === "finding" && row.finding === finding);
  }

  /**
   * Marks a finding as the one that is open; with `isBrought` the window scrolls until it is seen.
   * @param {Finding | null} finding
   * @param {boolean} isBrought
   */
  mark(finding, isBrought) {
    this.current = finding;
    for (const [index, node] of this.drawn) {
      const row = this.rows[index];
      if (row.kind === "finding" && row.finding === finding) node.setAttribute("aria-current", "true");
      else node.removeAttribute("aria-current");
    }
    const index = this.indexOf(finding);
    if (!isBrought || index < 0) return;
    const box = this.element.getBoundingClientRect();
    const covered = parseFloat(getComputedStyle(this.element).scrollMarginTop) || 0;
    const top = box.top + this.tops[index] - HEIGHT.group;
    const bottom = box.top + this.tops[index + 1];
    if (top < covered) scrollBy({ top: top - covered });
    else if (bottom > innerHeight) scrollBy({ top: bottom - innerHeight + HEIGHT.finding });
    this.draw();
  }

  /**
   * The finding `step` rows after the open one (before it, if negative).
   * @param {number} step
   * @returns {Finding | null}
   */
  near(step) {
    const findings = this.rows.filter((row) => row.kind === "finding").map((row) => row.finding);
    const at = this.current === null ? -1 : findings.indexOf(this.current);
    const next = at < 0 ? (step > 0 ? 0 : findings.length - 1) : at + step;
    return findings[Math.max(0, Math.min(findings.length - 1, next))] ?? null;
  }
}
