/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

import { contextsAt } from "./html.ts";
import { judge, type Judgement } from "./judge.ts";
import { findReflections, longestRun, type Reflection } from "./match.ts";

export const metadata: IsoscanMetadata = {
  id: "reflected-params",
  name: "Reflected parameters",
  version: "1.0.0",
  author: "isoscan",
  description:
    "Request parameters that come back in an HTML response without the encoding their place needs.",
  category: "injection",
  default_severity: "high",
  tags: ["xss", "injection", "reflection"],
};

const MAX_TEXT = 2 * 1024 * 1024;
const MAX_FORM_BYTES = 64 * 1024;
const MAX_PARAMETERS = 100;
const MAX_PLACES = 10;
const MAX_FINDINGS = 50;

interface Parameter {
  location: string;
  value: string;
}

export function scan_transaction(
  transaction: IsoscanTransaction,
): IsoscanFinding[] {
  const { request, response } = transaction;
  if (!response || !isPage(response)) return [];
  const all = parameters(request).filter(({ value }) => isTelling(value));
  if (all.length === 0) return [];
  const notes: string[] = [];
  const used = all.slice(0, MAX_PARAMETERS);
  if (used.length < all.length) {
    notes.push(`Only ${used.length} of ${all.length} parameters were checked.`);
  }
  const whole = response.text();
  const text = whole.slice(0, MAX_TEXT);
  if (text.length < whole.length) {
    notes.push(
      `Only the first ${MAX_TEXT} of ${whole.length} characters were searched.`,
    );
  }
  const hits = used.flatMap((parameter) =>
    findReflections(text, parameter.value, MAX_PLACES).map((reflection) => ({
      parameter,
      reflection,
    }))
  );
  hits.sort((a, b) => a.reflection.start - b.reflection.start);
  const contexts = contextsAt(text, hits.map((hit) => hit.reflection.start));
  const findings = new Map<string, IsoscanFinding>();
  hits.forEach(({ parameter, reflection }, index) => {
    const judgement = judge(
      parameter.value,
      reflection,
      contexts[index],
      text,
      request,
    );
    if (!judgement) return;
    const finding = toFinding(parameter, reflection, judgement, text);
    const key = `${finding.location} ${finding.title}`;
    if (!findings.has(key)) findings.set(key, finding);
  });
  if (notes.length > 0) console.warn(`reflected-params: ${notes.join(" ")}`);
  return reported([...findings.values()], notes);
}

/** Proven findings of a parameter make its mere suspicions superfluous. */
function reported(
  findings: IsoscanFinding[],
  notes: string[],
): IsoscanFinding[] {
  const proven = new Set(
    findings.filter((finding) => finding.severity === "high").map((finding) => finding.location),
  );
  const kept = findings.filter((finding) => finding.severity === "high" || !proven.has(finding.location));
  if (kept.length > MAX_FINDINGS) {
    notes.push(
      `Only the first ${MAX_FINDINGS} findings of this transaction are reported.`,
    );
    kept.length = MAX_FINDINGS;
  }
  for (const finding of kept) {
    finding.description = [finding.description, ...notes].join(" ");
  }
  return kept;
}

function isPage(response: IsoscanResponse): boolean {
  const { status } = response;
  if (response.bodyLength === 0 || status < 200) return false;
  if (status >= 300 && status < 400) return false;
  if (/^\s*attachment/i.test(response.headers["content-disposition"] ?? "")) {
    return false;
  }
  const type = response.content_type ?? "";
  if (/^\s*(?:text\/html|application\/xhtml\+xml)/i.test(type)) return true;
  return type === "" && /^\s*</.test(response.text().slice(0, 200));
}

function parameters(request: IsoscanRequest): Parameter[] {
  const list: Parameter[] = [];
  const query = URL.parse(request.url)?.searchParams ?? [];
  for (const [name, value] of query) {
    list.push({ location: `request.query:${name}`, value });
  }
  const isForm = /^\s*application\/x-www-form-urlencoded/i.test(
    request.content_type ?? "",
  );
  if (isForm && request.bodyLength > 0) {
    const form = new URLSearchParams(request.text().slice(0, MAX_FORM_BYTES));
    for (const [name, value] of form) {
      list.push({ location: `request.body:${name}`, value });
    }
  }
  return list;
}

/** Values that would stand in any page by chance prove nothing. */
function isTelling(value: string): boolean {
  if (value.length < 6 || longestRun(value).length < 3) return false;
  return !/^<\/?[a-z][a-z0-9]*\s?\/?>$/i.test(value) && !/^\d+$/.test(value);
}

function toFinding(
  parameter: Parameter,
  reflection: Reflection,
  judgement: Judgement,
  text: string,
): IsoscanFinding {
  const from = Math.max(0, reflection.start - 60);
  const around = text.slice(from, reflection.end + 60);
  return {
    title: `Request parameter reflected in ${judgement.place}`,
    vuln_type: "reflected-xss",
    severity: judgement.severity,
    confidence: judgement.confidence,
    description: judgement.why,
    evidence: `sent: ${parameter.value.slice(0, 300)}\nreceived: ${around}`,
    location: parameter.location,
    cwe: "CWE-79",
    owasp: "A03:2021",
    remediation: "Encode the value for the place it is written to, in the template, not at the input.",
  };
}
