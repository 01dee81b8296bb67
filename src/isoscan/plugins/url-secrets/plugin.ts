/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

import { classify, JWT, type Sensitive } from "./values.ts";

export const metadata: IsoscanMetadata = {
  id: "url-secrets",
  name: "Sensitive data in URLs",
  version: "1.0.0",
  author: "isoscan",
  description:
    "Passwords, tokens, keys, card numbers and addresses in URLs, and their leaks through Referer and nested URLs.",
  category: "exposure",
  default_severity: "medium",
  tags: ["url", "tokens", "privacy", "referer"],
};

const MAX_URL = 16_384;
const MAX_FINDINGS = 50;

interface Hit {
  /** e.g. `query:token`. */
  part: string;
  value: string;
  sensitive: Sensitive;
}

export function scan_transaction(
  transaction: IsoscanTransaction,
): IsoscanFinding[] {
  const { request, response } = transaction;
  const location = response?.headers.location;
  const referer = request.headers.referer;
  const findings: IsoscanFinding[] = [];
  const own = parse(request.url);
  if (!own) return [];
  const requestHits = hitsOf(own);
  for (const hit of requestHits) {
    findings.push(toFinding(hit, "request", hit.sensitive.title, PLAIN));
  }
  const nested = nestedHits(own);
  for (const hit of nested) {
    findings.push(toFinding(hit, "request", `${hit.sensitive.title} passed on to another site`, NESTED));
  }
  if (referer) {
    const from = parse(referer);
    if (from && siteOf(from.hostname) !== siteOf(own.hostname)) {
      for (const hit of hitsOf(from)) {
        findings.push(
          toFinding(
            hit,
            "request.header:referer",
            `${hit.sensitive.title} sent to another site by Referer`,
            REFERER,
          ),
        );
      }
    }
  }
  if (location) {
    const target = parse(location, request.url);
    // What the request already held is reported there.
    const known = new Set(requestHits.map((hit) => hit.value));
    for (const hit of target ? hitsOf(target) : []) {
      if (known.has(hit.value)) continue;
      findings.push(
        toFinding(hit, "response.header:location", `${hit.sensitive.title} of a redirect`, REDIRECT),
      );
    }
  }
  const masked = maskUrl(request.url, [...requestHits, ...nested]);
  for (const finding of findings) finding.url = masked;
  if (findings.length <= MAX_FINDINGS) return findings;
  const kept = findings.slice(0, MAX_FINDINGS);
  kept[MAX_FINDINGS - 1].description +=
    ` Only the first ${MAX_FINDINGS} findings of this transaction are reported.`;
  return kept;
}

function parse(url: string, base?: string): URL | null {
  if (url.length > MAX_URL) {
    console.warn(`url-secrets: a URL of ${url.length} characters was left out; the limit is ${MAX_URL}.`);
    return null;
  }
  return base === undefined ? URL.parse(url) : URL.parse(url, base);
}

function hitsOf(url: URL): Hit[] {
  const hits: Hit[] = [];
  const add = (part: string, name: string, value: string) => {
    const sensitive = classify(name, value);
    if (sensitive) hits.push({ part, value, sensitive });
  };
  if (url.password) add("userinfo", "password", decode(url.password));
  // Signed links grant one thing for a short time; the key in them only names the signer.
  if (!isPresigned(url)) {
    for (const [name, value] of url.searchParams) add(`query:${name}`, name, value);
  }
  if (url.hash.includes("=")) {
    // A route before the parameters, as in `#/login?token=…`, is none of them.
    const route = /^[^=&?]*\?/.exec(url.hash.slice(1));
    const fragment = url.hash.slice(1 + (route === null ? 0 : route[0].length));
    for (const [name, value] of new URLSearchParams(fragment)) {
      add(`fragment:${name}`, name, value);
    }
  }
  for (const segment of url.pathname.split("/")) {
    if (segment.length < 16) continue;
    const [plain, ...parameters] = decode(segment).split(";");
    for (const parameter of parameters) {
      const [name, value = ""] = parameter.split("=");
      add(`path:${name}`, name, value);
    }
    // A path has no names, so only values that speak for themselves count.
    const sensitive = classify("", plain);
    if (sensitive && (JWT.test(plain) || sensitive.confidence === "high") && sensitive.type !== "url-email") {
      hits.push({ part: "path", value: plain, sensitive });
    }
  }
  return hits;
}

function isPresigned(url: URL): boolean {
  const names = new Set([...url.searchParams.keys()].map((name) => name.toLowerCase()));
  return names.has("x-amz-signature") || names.has("x-goog-signature") ||
    (names.has("signature") && (names.has("expires") || names.has("key-pair-id"))) ||
    (names.has("sig") && names.has("se"));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Page addresses handed on as parameters, as measurement scripts do. */
function nestedHits(own: URL): Hit[] {
  const hits: Hit[] = [];
  for (const [name, value] of own.searchParams) {
    if (!/^https?:\/\//i.test(value)) continue;
    const inner = parse(value);
    if (!inner || siteOf(inner.hostname) === siteOf(own.hostname)) continue;
    for (const hit of hitsOf(inner)) {
      hits.push({ ...hit, part: `query:${name}>${hit.part}` });
    }
  }
  return hits;
}

function siteOf(host: string): string {
  const labels = host.split(".");
  const isDouble = labels.length > 2 && labels[labels.length - 1].length === 2 &&
    /^(?:co|com|net|org|gov|ac|edu|or|ne|go)$/.test(labels[labels.length - 2]);
  return labels.slice(isDouble ? -3 : -2).join(".");
}

const PLAIN = "stays in server and proxy logs, browser histories and bookmarks, and can leave by Referer.";
const REFERER = "reached another site with the Referer header.";
const REDIRECT =
  "is part of a redirect target: it stays in histories and logs, and scripts of the target page can read it.";
const NESTED = "was part of a page address that the page gave to another site as a parameter.";

function toFinding(
  hit: Hit,
  place: string,
  title: string,
  why: string,
): IsoscanFinding {
  const { sensitive } = hit;
  const { what } = sensitive;
  const isLeak = why === REFERER || why === NESTED;
  return {
    title,
    vuln_type: sensitive.type,
    severity: isLeak && sensitive.severity === "medium" ? "high" : sensitive.severity,
    confidence: sensitive.confidence,
    description: `The URL holds ${what}, which ${why}`,
    evidence: `${hit.part} = ${mask(hit.value)}`,
    location: place === "request" ? `request.${hit.part}` : `${place}:${hit.part}`,
    cwe: sensitive.type === "url-email" ? "CWE-359" : "CWE-598",
    owasp: sensitive.type === "url-email" ? "A01:2021" : "A04:2021",
    remediation:
      "Send it in the body of a POST, in an Authorization header or in a cookie, and set a Referrer-Policy.",
  };
}

function mask(value: string): string {
  const shown = value.length >= 20 ? 4 : value.length >= 12 ? 2 : 1;
  return `${value.slice(0, shown)}…${value.slice(-shown)} (${value.length} characters, middle masked)`;
}

/** The finding's URL would otherwise repeat the secret, and differ with each value. */
function maskUrl(url: string, hits: Hit[]): string {
  if (hits.length === 0) return url;
  const [, address, query, fragment] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(url) ?? [, url];
  const names = new Set(hits.map((hit) => /^query:([^>]*)/.exec(hit.part)?.[1]));
  const pairs = query?.slice(1).split("&").map((pair) => {
    const [[name = ""] = []] = new URLSearchParams(pair);
    return names.has(name) ? `${pair.split("=")[0]}=***` : pair;
  });
  let place = (address ?? url).replace(/^([a-z]+:\/\/[^/:@]*:)[^/@]*@/i, "$1***@");
  for (const { part, value } of hits) {
    if (!part.startsWith("path")) continue;
    for (const form of [value, encodeURIComponent(value)]) place = place.replaceAll(form, "***");
  }
  const isFragmentHeld = hits.some((hit) => hit.part.startsWith("fragment"));
  return place + (pairs ? `?${pairs.join("&")}` : "") + (isFragmentHeld ? "" : fragment ?? "");
}
