/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

import { findTokens, type Jwt } from "./jwt.ts";
import { type Rule, RULES } from "./rules.ts";
import { entropy, isPlausible, mask, PLACEHOLDER } from "./values.ts";

export const metadata: IsoscanMetadata = {
  id: "secrets",
  name: "Secrets in responses",
  version: "1.0.0",
  author: "isoscan",
  description:
    "Provider keys, private keys, connection strings and exposed JSON Web Tokens in response bodies and headers.",
  category: "exposure",
  default_severity: "high",
  tags: ["secrets", "keys", "jwt"],
};

const MAX_TEXT = 2 * 1024 * 1024;
const MAX_FINDINGS = 50;
const MAX_OPAQUE_BYTES = 256 * 1024;

const ROTATE =
  "Revoke the key at its provider, issue a new one, and keep it on the server; what was served once is known.";

export function scan_transaction(
  transaction: IsoscanTransaction,
): IsoscanFinding[] {
  const { response } = transaction;
  if (!response) return [];
  const findings: IsoscanFinding[] = [];
  // A cookie is meant to carry a token; its flags are another plugin's work.
  const headers = response.rawHeaders.filter(([name]) => name.toLowerCase() !== "set-cookie");
  // Hardly any header holds a key, so all of them are looked at together first.
  const all = headers.map(([, value]) => value).join("\n");
  const rules = RULES.filter((rule) => mayHold(all, rule));
  if (rules.length > 0) {
    for (const [name, value] of headers) {
      findings.push(...findKeys(value, `response.header:${name.toLowerCase()}`, rules));
    }
  }
  if (isReadable(response)) {
    const whole = response.text();
    const text = whole.slice(0, MAX_TEXT);
    const found = [
      ...findKeys(text, "response.body"),
      ...findPrivateKeys(text),
      ...findExposedTokens(text, response),
    ];
    if (whole.length > MAX_TEXT) {
      const note = `Only the first ${MAX_TEXT} of ${whole.length} characters were searched.`;
      console.warn(`secrets: ${note}`);
      for (const finding of found) finding.description += ` ${note}`;
    }
    findings.push(...found);
  }
  return capped(findings);
}

function capped(findings: IsoscanFinding[]): IsoscanFinding[] {
  if (findings.length <= MAX_FINDINGS) return findings;
  const kept = findings.slice(0, MAX_FINDINGS);
  kept[MAX_FINDINGS - 1].description +=
    ` Only the first ${MAX_FINDINGS} findings of this transaction are reported.`;
  return kept;
}

const BINARY =
  /^(?:image\/(?!svg)|audio\/|video\/|font\/|text\/css|application\/(?:wasm|zip|gzip|pdf|font|x-font|vnd\.ms-fontobject|x-protobuf|grpc))/i;

function isReadable(response: IsoscanResponse): boolean {
  if (response.bodyLength === 0) return false;
  const type = response.content_type ?? "";
  // A forgotten .env or dump is often served as a plain download.
  if (type.startsWith("application/octet-stream")) {
    return response.bodyLength <= MAX_OPAQUE_BYTES;
  }
  return !BINARY.test(type);
}

/** Whether a text can hold a key of this rule at all. */
function mayHold(text: string, rule: Rule): boolean {
  return rule.hints.some((hint) => text.includes(hint));
}

function findKeys(text: string, place: string, rules: Rule[] = RULES): IsoscanFinding[] {
  const findings: IsoscanFinding[] = [];
  const seen = new Set<string>();
  let lowered: string | null = null;
  for (const rule of rules) {
    if (!mayHold(text, rule)) continue;
    if (rule.near) {
      lowered ??= text.toLowerCase();
      if (!lowered.includes(rule.near)) continue;
    }
    for (const match of text.matchAll(rule.pattern)) {
      const secret = match[1] ?? match[0];
      if (seen.has(secret) || !isPlausible(secret, rule)) continue;
      if (isPublicUse(rule, secret, text, match.index)) continue;
      seen.add(secret);
      findings.push(keyFinding(rule, secret, place, text, match.index));
      if (findings.length > MAX_FINDINGS) return findings;
    }
  }
  return findings;
}

function keyFinding(
  rule: Rule,
  secret: string,
  place: string,
  text: string,
  at: number,
): IsoscanFinding {
  const isBrowserKey = rule.id === "google-api-key" &&
    isGoogleBrowserKey(text, at);
  const masked = mask(secret);
  return {
    title: rule.title,
    vuln_type: rule.id,
    severity: isBrowserKey ? "info" : rule.severity,
    confidence: rule.confidence,
    description: isBrowserKey
      ? "The key stands in a Maps or Firebase set-up, where browsers need it. It is harmless only while it is restricted to its APIs and referrers."
      : "Everyone who can load this response can read the key and use it until it is revoked.",
    evidence: `${masked} (${secret.length} characters, middle masked)`,
    location: `${place}:${masked}`,
    cwe: "CWE-798",
    owasp: "A07:2021",
    remediation: rule.remediation ?? ROTATE,
  };
}

/** Uses in which the key is no secret although its form fits. */
function isPublicUse(
  rule: Rule,
  secret: string,
  text: string,
  at: number,
): boolean {
  const before = text.slice(Math.max(0, at - 40), at);
  if (rule.id === "aws-access-key-id") {
    // Presigned URLs name the key id on purpose; only the signature grants access.
    const after = text.slice(at + 20, at + 24);
    return /(?:X-Amz-Credential|AWSAccessKeyId)(?:=|%3D)$/i.test(before) ||
      /^(?:\/|%2F)2/i.test(after);
  }
  if (rule.id === "github-token" && /^gh[ou]_/.test(secret)) {
    return /"access_token"\s{0,3}:\s{0,3}"$/.test(before);
  }
  if (rule.id === "generic-secret") {
    // Payment providers hand these out to browsers under the name "client secret".
    return /^(?:pi|seti|cs|src)_/.test(secret);
  }
  return false;
}

function isGoogleBrowserKey(text: string, at: number): boolean {
  const around = text.slice(Math.max(0, at - 300), at + 400);
  return /maps\.googleapis\.com|authDomain|firebaseapp\.com|recaptcha/i.test(
    around,
  );
}

const PEM = /-----BEGIN ((?:RSA |EC |DSA |OPENSSH |ENCRYPTED |PGP )?)PRIVATE KEY(?: BLOCK)?-----/g;

function findPrivateKeys(text: string): IsoscanFinding[] {
  if (!text.includes("PRIVATE KEY")) return [];
  const findings: IsoscanFinding[] = [];
  const seen = new Set<string>();
  for (const match of text.matchAll(PEM)) {
    const body = pemBody(text, match.index + match[0].length);
    // Code and documentation quote the marker alone, or with a few dots.
    if (body === null || seen.has(body)) continue;
    seen.add(body);
    const isEncrypted = match[1] === "ENCRYPTED ";
    findings.push({
      title: isEncrypted ? "Encrypted private key in a response" : "Private key in a response",
      vuln_type: "private-key",
      severity: isEncrypted ? "medium" : "critical",
      confidence: "high",
      description: isEncrypted
        ? "The key is protected only by its passphrase, which can be guessed offline."
        : "Whoever reads this response can act as the owner of the key.",
      evidence: `${match[0]} ${mask(body)} (at least ${body.length} characters, middle masked)`,
      location: `response.body:${mask(body)}`,
      cwe: "CWE-321",
      owasp: "A02:2021",
      remediation: "Take the key out of the response and replace it everywhere it is trusted.",
    });
    if (findings.length > MAX_FINDINGS) break;
  }
  return findings;
}

/** The first key material after a PEM marker, or null when there is none. */
function pemBody(text: string, from: number): string | null {
  const raw = text.slice(from, from + 1200)
    .replace(/-----END[\s\S]*$/, "")
    .replace(/\\[rn]|<br\s?\/?>/g, "\n")
    // Header lines of the older formats, such as "Proc-Type: 4,ENCRYPTED".
    .replace(/^[A-Za-z-]+:.*$/gm, "")
    .replace(/[\s"',]/g, "");
  const body = /^[A-Za-z0-9+/=]+/.exec(raw)?.[0] ?? "";
  if (body.length < 64 || PLACEHOLDER.test(body.slice(0, 64))) return null;
  return entropy(body) >= 3.5 ? body.slice(0, 512) : null;
}

function findExposedTokens(
  text: string,
  response: IsoscanResponse,
): IsoscanFinding[] {
  const type = response.content_type ?? "";
  const kind = /javascript|ecmascript/i.test(type) ? "script" : /html/i.test(type) ? "page" : "data";
  const now = Date.parse(response.timestamp);
  const findings = new Map<string, IsoscanFinding>();
  for (const token of findTokens(text, MAX_FINDINGS)) {
    const finding = tokenFinding(token, kind, now);
    // Tokens differ in every response; one finding per kind keeps runs comparable.
    if (finding && !findings.has(finding.title)) {
      findings.set(finding.title, finding);
    }
  }
  return [...findings.values()];
}

function tokenFinding(
  token: Jwt,
  kind: "script" | "page" | "data",
  now: number,
): IsoscanFinding | null {
  const isExpired = token.expiresAt !== null && token.expiresAt < now;
  const expiry = token.expiresAt === null
    ? "never expires"
    : `${isExpired ? "expired" : "expires"} ${dateText(token.expiresAt)}`;
  const common = {
    evidence: `${mask(token.token)} (alg ${token.algorithm}, ${expiry}, claims: ${
      Object.keys(token.claims).slice(0, 12).join(", ")
    })`,
    location: "response.body:jwt",
  };
  if (token.isUnsigned) {
    return {
      ...common,
      title: "Unsigned JSON Web Token",
      vuln_type: "jwt-unsigned",
      severity: isExpired ? "low" : "high",
      confidence: "medium",
      description:
        "The token has no signature. If the server accepts it, anyone can write a token for any user.",
      cwe: "CWE-347",
      owasp: "A02:2021",
      remediation: "Sign tokens, and let the verifier accept only the algorithms it expects.",
    };
  }
  // Anonymous roles are issued for the public; expired tokens open nothing.
  if (isExpired || token.claims.role === "anon") return null;
  if (kind !== "data") {
    return {
      ...common,
      title: kind === "script" ? "JSON Web Token in a script file" : "JSON Web Token in a page",
      vuln_type: "jwt-exposed",
      severity: kind === "script" ? "medium" : "low",
      confidence: "medium",
      description: kind === "script"
        ? "Script files are shared by all visitors and cached; a token in one can be used by all of them."
        : "The page holds a token that any script on it can read, and that stays in caches and histories.",
      cwe: "CWE-522",
      owasp: "A04:2021",
      remediation: "Hand tokens out per user, from an uncached endpoint or in an HttpOnly cookie.",
    };
  }
  if (token.expiresAt !== null) return null;
  return {
    ...common,
    title: "JSON Web Token without expiry",
    vuln_type: "jwt-no-expiry",
    severity: "low",
    confidence: "medium",
    description: "The token has no exp claim: once it leaks, it stays valid until its key is changed.",
    cwe: "CWE-613",
    owasp: "A07:2021",
    remediation: "Issue tokens with a short exp and renew them.",
  };
}

function dateText(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? "at an unreadable time" : date.toISOString().slice(0, 10);
}
