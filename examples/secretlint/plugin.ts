/// <reference path="../../src/isoscan/sandbox/runtime/isoscan.d.ts" />

import { lintSource, type Message, recommendedRules, type Source } from "./vendor/secretlint.js";

export const metadata: IsoscanMetadata = {
  id: "secretlint",
  name: "Secrets found by secretlint",
  version: "1.0.0",
  author: "isoscan",
  description: "The recommended rules of secretlint on the text bodies of responses and requests.",
  category: "exposure",
  default_severity: "high",
  tags: ["secrets", "keys"],
};

const MAX_TEXT = 2 * 1024 * 1024;
const MAX_FINDINGS = 50;
const BINARY =
  /^(?:image\/(?!svg)|audio\/|video\/|font\/|application\/(?:wasm|zip|gzip|pdf|font|x-font|vnd\.ms-fontobject|x-protobuf|grpc))/i;
const EXTENSIONS: [RegExp, string][] = [
  [/json/i, ".json"],
  [/javascript|ecmascript/i, ".js"],
  [/html/i, ".html"],
  [/xml/i, ".xml"],
];

// Comments in a body could switch rules off: whoever wrote the page must not have that say.
const RULES = recommendedRules.filter(({ meta }) => !meta.id.endsWith("-rule-filter-comments"));
const OPTIONS = {
  config: { rules: RULES.map((rule) => ({ id: rule.meta.id, rule })) },
  noPhysicFilePath: true,
};

type Side = "response" | "request";

export async function scan_transaction(
  { request, response }: IsoscanTransaction,
): Promise<IsoscanFinding[]> {
  const findings = await scanBody(request, "request", request.url);
  if (response) {
    findings.push(...await scanBody(response, "response", request.url));
  }
  return findings;
}

async function scanBody(
  message: IsoscanMessage,
  side: Side,
  url: string,
): Promise<IsoscanFinding[]> {
  const type = message.content_type ?? "";
  if (message.bodyLength === 0 || BINARY.test(type)) return [];
  let content = message.text().replace(/^\ufeff/, "");
  if (content.length > MAX_TEXT) {
    console.warn(
      `secretlint: only the first ${MAX_TEXT} of ${content.length} characters were searched`,
    );
    content = content.slice(0, MAX_TEXT);
  }
  const ext = EXTENSIONS.find(([pattern]) => pattern.test(type))?.[1] ?? ".txt";
  const source: Source = { content, filePath: fileName(side, url, ext), ext, contentType: "text" };
  const { messages } = await lintSource({ source, options: OPTIONS });

  const findings = new Map<string, IsoscanFinding>();
  for (const found of messages) {
    const secret = secretOf(found, content);
    const key = `${found.messageId} ${secret}`;
    const first = findings.get(key);
    if (first === undefined) findings.set(key, toFinding(found, secret, side));
    else first.times = first.times as number + 1;
  }
  if (findings.size > MAX_FINDINGS) {
    console.warn(`secretlint: only the first ${MAX_FINDINGS} of ${findings.size} findings are reported`);
  }
  return [...findings.values()].slice(0, MAX_FINDINGS);
}

/** Some rules look at the name of a file; a body has the one of its URL. */
function fileName(side: Side, url: string, ext: string): string {
  const name = URL.parse(url)?.pathname.split("/").at(-1);
  return side === "response" && name ? name : `body${ext}`;
}

/** A rule's own word for what it found is exact; its range may begin at the name in front of it. */
function secretOf({ data, range }: Message, content: string): string {
  const { FILE_NAME: _, ...values } = data ?? {};
  return Object.values(values)[0] ?? content.slice(...range);
}

function toFinding(found: Message, secret: string, side: Side): IsoscanFinding {
  const rule = found.ruleId.replace("@secretlint/secretlint-rule-", "");
  const { line, column } = found.loc.start;
  const isServed = side === "response";
  // Not the rule's message: it spells the secret out.
  const audience = isServed
    ? "Everyone who can load this response can read it."
    : "It is sent to this server, which may be what it is for.";
  return {
    title: `${found.messageId} in a ${side} body (${rule})`,
    vuln_type: `secretlint-${rule}`,
    severity: severity(found, isServed),
    confidence: "medium",
    description: `secretlint's rule ${rule} recognises ${found.messageId}. ${audience}`,
    evidence: `${mask(secret)} (${secret.length} characters, line ${line}, column ${column + 1})`,
    location: `${side}.body:${mask(secret)}`,
    cwe: "CWE-798",
    owasp: "A07:2021",
    remediation: "Revoke the secret where it was issued, and keep the new one on the server.",
    rule: found.ruleId,
    documentation: found.docsUrl,
    line,
    column: column + 1,
    times: 1,
  };
}

function severity(
  { severity: level }: Message,
  isServed: boolean,
): IsoscanSeverity {
  if (level === "error") return isServed ? "high" : "medium";
  return level === "warning" && isServed ? "medium" : "low";
}

/** Enough to tell two secrets apart, and not to use one; of a PEM block what stands between its markers. */
function mask(secret: string): string {
  const inner = secret.replace(/-----[A-Z ]{5,60}-----/g, "").replace(/\s+/g, " ").trim() ||
    secret;
  const shown = inner.length >= 20 ? 4 : 1;
  return `${inner.slice(0, shown)}…${inner.slice(-shown)}`;
}
