/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

export const metadata: IsoscanMetadata = {
  id: "cookie-flags",
  name: "Cookie flags",
  version: "1.0.0",
  author: "isoscan",
  description: "Cookies without Secure, HttpOnly or SameSite, broken name prefixes and broad domains.",
  category: "configuration",
  default_severity: "low",
  tags: ["cookies", "session"],
};

const MAX_FINDINGS = 50;

interface Cookie {
  name: string;
  value: string;
  /** Lower-cased attribute names; flags have an empty value. */
  attributes: Map<string, string>;
  isSession: boolean;
}

export function scan_transaction(
  transaction: IsoscanTransaction,
): IsoscanFinding[] {
  const { request, response } = transaction;
  if (!response?.headers["set-cookie"]) return [];
  const now = Date.parse(response.timestamp);
  const cookies = new Map<string, Cookie>();
  for (const [name, value] of response.rawHeaders) {
    if (name.toLowerCase() !== "set-cookie") continue;
    // Some captures join repeated headers with line breaks.
    for (const line of value.split("\n")) {
      const cookie = parseCookie(line);
      if (!cookie) continue;
      // The last of several with one identity is the one that stays.
      const { attributes } = cookie;
      const key = [
        cookie.name,
        attributes.get("domain") ?? "",
        attributes.get("path") ?? "",
      ].join(";");
      cookies.set(key, cookie);
    }
  }
  const findings: IsoscanFinding[] = [];
  for (const cookie of cookies.values()) {
    if (isDeletion(cookie, now)) continue;
    findings.push(...checkCookie(cookie, request));
  }
  if (findings.length <= MAX_FINDINGS) return findings;
  const kept = findings.slice(0, MAX_FINDINGS);
  kept[MAX_FINDINGS - 1].description +=
    ` Only the first ${MAX_FINDINGS} findings of this transaction are reported.`;
  return kept;
}

function parseCookie(line: string): Cookie | null {
  const [pair, ...rest] = line.split(";");
  const equals = pair.indexOf("=");
  if (equals < 1) return null;
  const name = pair.slice(0, equals).trim();
  const value = pair.slice(equals + 1).trim();
  if (!name) return null;
  const attributes = new Map<string, string>();
  for (const part of rest) {
    const [key, ...words] = part.split("=");
    attributes.set(key.trim().toLowerCase(), words.join("=").trim());
  }
  return { name, value, attributes, isSession: isSessionLike(name, value) };
}

const SESSION_NAMES =
  /^(?:phpsessid|jsessionid|asp\.net_sessionid|aspsessionid[a-z]*|\.aspxauth|\.aspnetcore\..*|connect\.sid|cfid|cftoken|sessionid|sess|wordpress_(?:sec|logged_in)_.*)$/i;
const SESSION_WORDS = new Set(
  "session sessionid sess sid auth token jwt login logged remember authenticated authorization identity sso bearer accesstoken idtoken refreshtoken authtoken sessiontoken"
    .split(" "),
);

function words(name: string): string[] {
  return name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().split(
    /[^a-z]+/,
  );
}

/** Names of the double-submit pattern; a script must be able to read them. */
function isCsrfToken(name: string): boolean {
  return /csrf|xsrf|forgery/i.test(name);
}

function isSessionLike(name: string, value: string): boolean {
  if (isCsrfToken(name) || value.length < 8) return false;
  if (/^eyJ[\w-]{8,}\.eyJ/.test(value)) return true;
  const plain = name.replace(/^__(?:Host|Secure)-/i, "");
  return SESSION_NAMES.test(plain) ||
    words(plain).some((word) => SESSION_WORDS.has(word));
}

function isDeletion(cookie: Cookie, now: number): boolean {
  const age = cookie.attributes.get("max-age");
  if (age !== undefined && /^-?\d+$/.test(age)) return Number(age) <= 0;
  const expires = cookie.attributes.get("expires");
  if (expires === undefined) return false;
  const date = Date.parse(expires.replaceAll("-", " "));
  return !Number.isNaN(date) && date < now;
}

function checkCookie(
  cookie: Cookie,
  request: IsoscanRequest,
): IsoscanFinding[] {
  const { name, attributes, isSession } = cookie;
  const common = {
    confidence: "high",
    evidence: shown(cookie),
    location: `response.header:set-cookie:${name}`,
  } as const;
  const kind = isSession ? "Session cookie" : "Cookie";
  const findings: IsoscanFinding[] = [];
  const isSecure = attributes.has("secure");
  const sameSite = attributes.get("samesite")?.toLowerCase();
  if (!isSecure && request.is_https && sameSite !== "none") {
    findings.push({
      ...common,
      title: `${kind} without Secure`,
      vuln_type: "cookie-no-secure",
      severity: isSession ? "medium" : "info",
      description: "The cookie was set over https but is also sent over plain http, where it can be read.",
      cwe: "CWE-614",
      owasp: "A05:2021",
      remediation: "Add the Secure attribute.",
    });
  }
  if (!attributes.has("httponly") && !isCsrfToken(name)) {
    findings.push({
      ...common,
      title: `${kind} without HttpOnly`,
      vuln_type: "cookie-no-httponly",
      severity: isSession ? "medium" : "info",
      description: isSession
        ? "An injected script can read the cookie and take over the session."
        : "Scripts can read the cookie; that is fine if they are meant to.",
      cwe: "CWE-1004",
      owasp: "A05:2021",
      remediation: "Add the HttpOnly attribute unless a script needs the value.",
    });
  }
  findings.push(...checkSameSite(cookie, common, kind, sameSite));
  findings.push(...checkPrefix(cookie, common));
  findings.push(...checkDomain(cookie, common, request));
  return findings;
}

type Common = Pick<IsoscanFinding, "confidence" | "evidence" | "location">;

function checkSameSite(
  cookie: Cookie,
  common: Common,
  kind: string,
  sameSite: string | undefined,
): IsoscanFinding[] {
  if (sameSite === "none" && !cookie.attributes.has("secure")) {
    return [{
      ...common,
      title: "Cookie with SameSite=None but without Secure",
      vuln_type: "cookie-samesite-none-insecure",
      severity: cookie.isSession ? "medium" : "low",
      description: "Current browsers refuse the cookie; older ones send it everywhere, also over plain http.",
      cwe: "CWE-614",
      owasp: "A05:2021",
      remediation: "Add Secure, or use SameSite=Lax.",
    }];
  }
  if (sameSite === "lax" || sameSite === "strict" || sameSite === "none") {
    return [];
  }
  return [{
    ...common,
    title: `${kind} without SameSite`,
    vuln_type: "cookie-no-samesite",
    severity: cookie.isSession ? "low" : "info",
    description: sameSite
      ? "The SameSite value is not valid and is ignored; the default depends on the browser."
      : "Whether other sites can make the browser send the cookie depends on the browser's default.",
    cwe: "CWE-1275",
    owasp: "A01:2021",
    remediation: "Add SameSite=Lax or SameSite=Strict.",
  }];
}

function checkPrefix(cookie: Cookie, common: Common): IsoscanFinding[] {
  const { attributes } = cookie;
  const isHost = /^__Host-/i.test(cookie.name);
  if (!isHost && !/^__Secure-/i.test(cookie.name)) return [];
  const broken: string[] = [];
  if (!attributes.has("secure")) broken.push("Secure is missing");
  if (isHost && attributes.has("domain")) broken.push("Domain is set");
  if (isHost && attributes.get("path") !== "/") broken.push("Path is not /");
  if (broken.length === 0) return [];
  return [{
    ...common,
    title: "Cookie breaks the rules of its name prefix",
    vuln_type: "cookie-prefix",
    severity: "low",
    description: `Browsers refuse the cookie: ${
      broken.join(", ")
    }. Clients that accept it lose the protection the name promises.`,
    cwe: "CWE-693",
    owasp: "A05:2021",
    remediation: "__Host- needs Secure, Path=/ and no Domain; __Secure- needs Secure.",
  }];
}

function checkDomain(
  cookie: Cookie,
  common: Common,
  request: IsoscanRequest,
): IsoscanFinding[] {
  const domain = cookie.attributes.get("domain")?.replace(/^\./, "")
    .toLowerCase();
  if (!domain || !cookie.isSession) return [];
  const host = URL.parse(request.url)?.hostname ?? "";
  // A single label is refused by browsers, an equal host shares with its own children only.
  if (!domain.includes(".") || !host.endsWith(`.${domain}`)) return [];
  if (host === `www.${domain}`) return [];
  return [{
    ...common,
    title: "Session cookie shared with a parent domain",
    vuln_type: "cookie-broad-domain",
    severity: "low",
    confidence: "medium",
    description: "Every host below that domain receives the session, and each of them can overwrite it.",
    cwe: "CWE-565",
    owasp: "A08:2021",
    remediation: "Leave Domain out, and use the __Host- prefix.",
  }];
}

/** The header line with the value masked: it may be a live session. */
function shown(cookie: Cookie): string {
  const { name, value, attributes } = cookie;
  const kept = value.length >= 20 ? 4 : value.length >= 10 ? 2 : 0;
  const masked = value.length === 0 ? "" : kept === 0 ? "…" : `${value.slice(0, kept)}…${value.slice(-kept)}`;
  const rest = [...attributes].map(([key, text]) => text ? `${key}=${text}` : key);
  return [`${name}=${masked}`, ...rest].join("; ").slice(0, 1000);
}
