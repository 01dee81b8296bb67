/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

import { type Signature, SIGNATURES } from "./signatures.ts";

export const metadata: IsoscanMetadata = {
  id: "verbose-errors",
  name: "Verbose errors",
  version: "1.0.0",
  author: "isoscan",
  description: "Stack traces, framework debug pages and database error messages in responses.",
  category: "exposure",
  default_severity: "medium",
  tags: ["errors", "stack-trace", "debug"],
};

const MAX_TEXT = 2 * 1024 * 1024;
const EVIDENCE_LENGTH = 700;

export function scan_transaction(
  transaction: IsoscanTransaction,
): IsoscanFinding[] {
  const { response } = transaction;
  if (!response || !isReadable(response)) return [];
  const whole = response.text();
  const text = whole.slice(0, MAX_TEXT);
  const hinted = SIGNATURES.filter(({ hints }) => hints.some((hint) => text.includes(hint)));
  const note = whole.length > MAX_TEXT
    ? ` Only the first ${MAX_TEXT} of ${whole.length} characters were searched.`
    : "";
  if (note) console.warn(`verbose-errors:${note}`);
  if (hinted.length === 0) return [];
  const type = response.content_type ?? "";
  const plain = unescaped(text, type);
  const isQuoted = response.status < 400 && isArticle(text, type);
  const found = new Map<Signature, number>();
  for (const signature of hinted) {
    if (signature.isQuotable && isQuoted) continue;
    const at = signature.find(plain);
    if (at >= 0) found.set(signature, at);
  }
  const covered = new Set([...found.keys()].flatMap(({ covers }) => covers ?? []));
  return [...found]
    .filter(([signature]) => !covered.has(signature.type))
    .map(([signature, at]) => toFinding(signature, plain, at, response.status, note));
}

/** Scripts and styles hold error texts of their own; only answers are read. */
function isReadable(response: IsoscanResponse): boolean {
  if (response.bodyLength === 0) return false;
  const type = response.content_type ?? "";
  return type === "" ||
    /^\s*(?:text\/(?:html|plain|xml)|application\/(?:[\w.-]{1,60}\+)?(?:json|xml)|application\/xhtml)/i
      .test(type);
}

/** Line breaks and quotes as they were before JSON or HTML encoded them. */
function unescaped(text: string, type: string): string {
  if (/json/i.test(type)) {
    return text.replace(
      /\\([nrt"/\\])/g,
      (_, char) => char === "n" || char === "r" ? "\n" : char === "t" ? "\t" : char,
    )
      // A frame that opens a JSON string stands at a line start too.
      .replace(/(["[,]\s{0,20}")(?=\s{0,20}at |#\d)/g, "$1\n");
  }
  return text
    .replace(/<(?:br|\/?(?:p|pre|li|td|tr))(?:[ /][^<>]{0,200})?>/gi, "\n")
    .replace(/&(?:nbsp|#160);/g, " ")
    .replace(/&(?:quot|#34|#x22);/g, '"')
    .replace(/&(?:apos|#39|#x27);/g, "'")
    .replace(/&#(?:47|x2f);/gi, "/")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">");
}

const ARTICLE =
  /<article[\s>]|og:type["']\s{1,4}content=["']article|"@type"\s{0,4}:\s{0,4}"(?:\w{0,20}Article|BlogPosting|QAPage|HowTo)|<pre[^>]{0,200}>\s{0,20}<code|\n```|class="[^"]{0,200}(?:hljs|highlight|codehilite|prettyprint|language-)/i;

/** Articles, answers and documentation quote errors with their whole structure. */
function isArticle(text: string, type: string): boolean {
  return !/json/i.test(type) && ARTICLE.test(text);
}

function toFinding(
  signature: Signature,
  plain: string,
  at: number,
  status: number,
  note: string,
): IsoscanFinding {
  const isDebugger = signature.type === "debugger-werkzeug";
  return {
    title: signature.title,
    vuln_type: signature.type,
    severity: signature.severity,
    // An error status and an error text prove each other.
    confidence: status >= 400 || !signature.isQuotable ? "high" : "medium",
    description:
      (isDebugger
        ? "The interactive debugger answers on this server: it shows source and variables, and its console runs code once the PIN is known."
        : signature.type === "sql-error"
        ? "The text of a database error tells the kind of database and parts of the statement, and is often the first sign of SQL injection."
        : "The response shows internals (paths, versions, code, sometimes data) that help to attack the server.") +
      note,
    evidence: evidence(plain, at),
    location: "response.body",
    cwe: isDebugger ? "CWE-489" : "CWE-209",
    owasp: isDebugger ? "A05:2021" : "A04:2021",
    remediation: isDebugger
      ? "Turn the debugger off outside development."
      : "Answer with a neutral page and an id; keep the details in the server's log, and turn debug modes off.",
  };
}

function evidence(plain: string, at: number): string {
  const from = Math.max(plain.lastIndexOf("\n", at) + 1, at - 80);
  return plain.slice(from, from + EVIDENCE_LENGTH)
    // The cut may lie inside a tag.
    .replace(/^[^<>]{0,80}>/, "")
    .replace(/<[^<>\n]{1,300}>/g, "")
    .replace(/[ \t]{3,}/g, "  ")
    .replace(/\n[\s]*\n/g, "\n")
    .trim();
}
