/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

import { limitsFraming, parsePolicies, type Weakness, weaknesses } from "./csp.ts";

export const metadata: IsoscanMetadata = {
  id: "security-headers",
  name: "Security headers",
  version: "1.0.0",
  author: "isoscan",
  description:
    "Missing or weak HSTS, Content-Security-Policy, nosniff, frame protection and Referrer-Policy.",
  category: "configuration",
  default_severity: "low",
  tags: ["headers", "csp", "hsts", "clickjacking"],
};

const CSP = "content-security-policy";
const CSP_REPORT = "content-security-policy-report-only";
const HALF_A_YEAR_S = 15_552_000;
// A meta policy only counts near the top; 64 KiB covers every real head.
const HEAD_LENGTH = 65_536;

export function scan_transaction(
  transaction: IsoscanTransaction,
): IsoscanFinding[] {
  const { request, response } = transaction;
  if (!response || !isFinal(request, response)) return [];
  const findings: IsoscanFinding[] = [];
  const isPage = isDocument(request, response);
  if (isPage) {
    findings.push(...checkTransport(request, response));
    findings.push(...checkPolicy(response));
    findings.push(...checkFraming(response));
    findings.push(...checkReferrer(response));
  }
  findings.push(...checkSniffing(response, isPage));
  return findings;
}

/** Redirects, errors and empty answers show no page of the site. */
function isFinal(request: IsoscanRequest, response: IsoscanResponse): boolean {
  if (!/^(?:GET|POST|HEAD)$/i.test(request.method)) return false;
  return response.status >= 200 && response.status < 300 &&
    response.status !== 204 && response.status !== 205;
}

function isDocument(
  request: IsoscanRequest,
  response: IsoscanResponse,
): boolean {
  const type = response.content_type ?? "";
  if (!/^\s*(?:text\/html|application\/xhtml\+xml)/i.test(type)) return false;
  // Fragments that a script fetches are never shown as a page.
  if (request.headers["x-requested-with"]) return false;
  const destination = request.headers["sec-fetch-dest"];
  return destination === undefined ||
    /^(?:document|i?frame|embed|object)$/.test(destination);
}

function values(response: IsoscanResponse, name: string): string[] {
  return response.rawHeaders.filter(([key]) => key.toLowerCase() === name)
    .map(([, value]) => value);
}

function checkTransport(
  request: IsoscanRequest,
  response: IsoscanResponse,
): IsoscanFinding[] {
  const url = URL.parse(request.url);
  if (!request.is_https || !url) return [];
  if (isLocalOrAddress(url.hostname)) return [];
  const common = {
    severity: "low",
    confidence: "high",
    location: "response.header:strict-transport-security",
    cwe: "CWE-319",
    owasp: "A02:2021",
    remediation:
      "Send Strict-Transport-Security: max-age=31536000; includeSubDomains on every https response.",
    // The header speaks for the whole host, so the finding does too.
    url: `${url.origin}/`,
    method: "GET",
  } as const;
  // Browsers read only the first of several.
  const [header] = values(response, "strict-transport-security");
  if (header === undefined) {
    return [{
      ...common,
      title: "Strict-Transport-Security is missing",
      vuln_type: "hsts-missing",
      description: "A first visit over plain http can be intercepted and kept on http.",
    }];
  }
  const age = /(?:^|;)\s*max-age\s*=\s*"?(\d+)"?\s*(?:;|$)/i.exec(header);
  if (age && Number(age[1]) >= HALF_A_YEAR_S) return [];
  return [{
    ...common,
    title: "Strict-Transport-Security is weak",
    vuln_type: "hsts-weak",
    description: age === null
      ? "The header has no valid max-age, so browsers ignore it."
      : Number(age[1]) === 0
      ? "max-age=0 tells browsers to forget the protection."
      : "max-age is below half a year: returning visitors are unprotected too soon.",
    evidence: header,
  }];
}

function isLocalOrAddress(host: string): boolean {
  return host.startsWith("[") || /^[\d.]+$/.test(host) ||
    host === "localhost" || host.endsWith(".localhost");
}

const WEAKNESS_TEXT: Record<
  Weakness,
  { title: string; severity: IsoscanSeverity; description: string }
> = {
  "scripts-unrestricted": {
    title: "Content-Security-Policy does not restrict scripts",
    severity: "low",
    description: "Neither script-src nor default-src is set, so the policy does not stop injected scripts.",
  },
  "unsafe-inline": {
    title: "Content-Security-Policy allows inline scripts",
    severity: "low",
    description: "'unsafe-inline' without a nonce or hash lets injected inline scripts run.",
  },
  "unsafe-eval": {
    title: "Content-Security-Policy allows eval",
    severity: "low",
    description: "'unsafe-eval' lets strings become code.",
  },
  wildcard: {
    title: "Content-Security-Policy allows scripts from any host",
    severity: "low",
    description:
      "A wildcard or a bare scheme in the script sources lets an attacker load scripts from a host of their own.",
  },
  "data-scripts": {
    title: "Content-Security-Policy allows scripts from data: URLs",
    severity: "low",
    description: "A data: URL carries its own content, so this equals allowing inline scripts.",
  },
  "object-src": {
    title: "Content-Security-Policy does not restrict plugins",
    severity: "info",
    description: "Neither object-src nor default-src limits <object> and <embed>.",
  },
  "base-uri": {
    title: "Content-Security-Policy does not restrict the base URL",
    severity: "info",
    description: "base-uri has no fallback: an injected <base> can redirect relative script URLs.",
  },
};

function checkPolicy(response: IsoscanResponse): IsoscanFinding[] {
  const common = {
    confidence: "high",
    location: `response.header:${CSP}`,
    cwe: "CWE-693",
    owasp: "A05:2021",
    remediation:
      "Send a policy such as: script-src 'nonce-…' 'strict-dynamic'; object-src 'none'; base-uri 'none'.",
  } as const;
  let sources = values(response, CSP);
  if (parsePolicies(sources).length === 0) sources = metaPolicies(response);
  const policies = parsePolicies(sources);
  if (policies.length > 0) {
    return [...weaknesses(policies)].map((weakness) => ({
      ...common,
      ...WEAKNESS_TEXT[weakness],
      vuln_type: `csp-${weakness}`,
      evidence: sources.join("\n").slice(0, 2000),
    }));
  }
  const trial = values(response, CSP_REPORT);
  if (trial.length > 0) {
    return [{
      ...common,
      title: "Content-Security-Policy only reports",
      vuln_type: "csp-report-only",
      severity: "low",
      description: "The policy is sent as report-only; violations are reported but not stopped.",
      evidence: trial.join("\n").slice(0, 2000),
      location: `response.header:${CSP_REPORT}`,
    }];
  }
  return [{
    ...common,
    title: "Content-Security-Policy is missing",
    vuln_type: "csp-missing",
    severity: "low",
    description: "Nothing limits which scripts run on the page if markup is ever injected.",
  }];
}

function metaTags(response: IsoscanResponse): string[] {
  if (response.bodyLength === 0) return [];
  return response.text().slice(0, HEAD_LENGTH).match(/<meta\s[^>]{0,4000}>/gi) ??
    [];
}

function metaPolicies(response: IsoscanResponse): string[] {
  return metaTags(response)
    .filter((tag) => /http-equiv\s*=\s*["']?content-security-policy["'\s]/i.test(tag))
    .flatMap((tag) => attribute(tag, "content"));
}

function attribute(tag: string, name: string): string[] {
  const match = new RegExp(
    `\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`,
    "i",
  ).exec(tag);
  const value = match?.[1] ?? match?.[2] ?? match?.[3];
  return value === undefined ? [] : [value];
}

function checkFraming(response: IsoscanResponse): IsoscanFinding[] {
  if (limitsFraming(parsePolicies(values(response, CSP)))) return [];
  const options = values(response, "x-frame-options")
    .flatMap((value) => value.split(","))
    .map((value) => value.trim().toUpperCase());
  const kinds = new Set(options);
  const isValid = kinds.size === 1 &&
    (kinds.has("DENY") || kinds.has("SAMEORIGIN"));
  if (isValid) return [];
  const isMissing = kinds.size === 0;
  return [{
    title: isMissing ? "Frame protection is missing" : "X-Frame-Options is not valid",
    vuln_type: isMissing ? "framing-unprotected" : "framing-invalid",
    severity: "low",
    confidence: "high",
    description: isMissing
      ? "Any site can show the page in a frame and trick visitors into clicking on it."
      : "Browsers ignore this value, so any site can show the page in a frame.",
    evidence: options.join(", "),
    location: "response.header:x-frame-options",
    cwe: "CWE-1021",
    owasp: "A04:2021",
    remediation:
      "Send Content-Security-Policy: frame-ancestors 'self' (or 'none'), with X-Frame-Options for old browsers.",
  }];
}

const REFERRER_POLICIES =
  /^(?:no-referrer|no-referrer-when-downgrade|same-origin|origin|strict-origin|origin-when-cross-origin|strict-origin-when-cross-origin|unsafe-url)$/;

function checkReferrer(response: IsoscanResponse): IsoscanFinding[] {
  let tokens = values(response, "referrer-policy").flatMap((value) =>
    value.toLowerCase().split(",").map((token) => token.trim())
  ).filter((token) => REFERRER_POLICIES.test(token));
  if (tokens.length === 0) {
    tokens = metaTags(response)
      .filter((tag) => /name\s*=\s*["']?referrer["'\s]/i.test(tag))
      .flatMap((tag) => attribute(tag, "content"))
      .map((value) => value.toLowerCase());
  }
  const common = {
    confidence: "high",
    location: "response.header:referrer-policy",
    cwe: "CWE-200",
    owasp: "A01:2021",
    remediation: "Send Referrer-Policy: strict-origin-when-cross-origin, or stricter.",
  } as const;
  // Browsers take the last policy they know.
  const policy = tokens.at(-1);
  if (policy === undefined) {
    return [{
      ...common,
      title: "Referrer-Policy is missing",
      vuln_type: "referrer-policy-missing",
      severity: "info",
      description: "Today's browsers then send only the origin to other sites; older ones send the full URL.",
    }];
  }
  if (policy !== "unsafe-url" && policy !== "no-referrer-when-downgrade") {
    return [];
  }
  return [{
    ...common,
    title: "Referrer-Policy sends full URLs to other sites",
    vuln_type: "referrer-policy-weak",
    severity: "low",
    description: "Paths and query strings of this site reach every site it links to or loads from.",
    evidence: policy,
  }];
}

/** Types a browser may take for something else, or refuse as a script or style with nosniff. */
const SNIFFED =
  /^\s*(?:$|text\/(?:html|plain|xml|css|javascript)|application\/(?:xhtml\+xml|xml|json|javascript|x-javascript|ecmascript|octet-stream|unknown))/i;
const STATIC = /javascript|ecmascript|text\/css/i;

function checkSniffing(
  response: IsoscanResponse,
  isPage: boolean,
): IsoscanFinding[] {
  const type = response.content_type ?? "";
  if (!SNIFFED.test(type)) return [];
  if (!isPage && response.bodyLength === 0) return [];
  const sent = values(response, "x-content-type-options");
  // Browsers look at the first value only.
  const first = sent.join(",").split(",")[0].trim().toLowerCase();
  if (first === "nosniff") return [];
  return [{
    title: "X-Content-Type-Options is missing",
    vuln_type: "nosniff-missing",
    // What is a script or a style anyway gains little from it.
    severity: STATIC.test(type) ? "info" : "low",
    confidence: "high",
    description: sent.length > 0
      ? "The only value browsers know is nosniff; this one is ignored."
      : "Browsers may guess another type than the one declared and run content as script.",
    evidence: sent.join(", "),
    location: "response.header:x-content-type-options",
    cwe: "CWE-693",
    owasp: "A05:2021",
    remediation: "Send X-Content-Type-Options: nosniff on every response.",
  }];
}
