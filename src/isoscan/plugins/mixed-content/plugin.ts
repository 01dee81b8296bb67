/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

import { type Tag, tags } from "./markup.ts";

export const metadata: IsoscanMetadata = {
  id: "mixed-content",
  name: "Mixed content",
  version: "1.0.0",
  author: "isoscan",
  description: "https pages that load or post over http, and password fields on http pages.",
  category: "transport",
  default_severity: "medium",
  tags: ["tls", "mixed-content", "forms"],
};

const MAX_TEXT = 2 * 1024 * 1024;
const MAX_LISTED = 10;

type Kind = "active" | "passive" | "form" | "password-form" | "password-page";

/** What was found, by kind and place: `active` → `script[src]` → URLs. */
type Hits = Map<Kind, Map<string, Set<string>>>;

export function scan_transaction(
  transaction: IsoscanTransaction,
): IsoscanFinding[] {
  const { request, response } = transaction;
  if (!response || response.bodyLength === 0) return [];
  if (response.status < 200 || (response.status >= 300 && response.status < 400)) {
    return [];
  }
  const type = response.content_type ?? "";
  const isPage = /^\s*(?:text\/html|application\/xhtml\+xml)/i.test(type);
  const isStyle = /^\s*text\/css/i.test(type);
  if (!isPage && !(isStyle && request.is_https)) return [];
  const whole = response.text();
  const text = whole.slice(0, MAX_TEXT);
  const hits: Hits = new Map();
  if (isStyle) {
    collectStyle(text, "style sheet", hits);
  } else if (request.is_https) {
    // Most https pages hold no http URL at all.
    if (/http:\/\//i.test(text)) collectSecurePage(text, request.url, hits);
  } else if (/password/i.test(text)) {
    collectPlainPage(text, request.url, hits);
  }
  if (hits.size > 0 && upgrades(response)) {
    // The browser then requests all of these over https.
    for (const kind of ["active", "passive", "form", "password-form"] as const) {
      hits.delete(kind);
    }
  }
  const note = whole.length > MAX_TEXT
    ? ` Only the first ${MAX_TEXT} of ${whole.length} characters were searched.`
    : "";
  if (note) console.warn(`mixed-content:${note}`);
  return [...hits].flatMap(([kind, places]) =>
    [...places].map(([place, urls]) => toFinding(kind, place, [...urls], note))
  );
}

function upgrades(response: IsoscanResponse): boolean {
  const policy = response.headers["content-security-policy"] ?? "";
  if (/(?:^|[;,])\s*upgrade-insecure-requests/i.test(policy)) return true;
  return /<meta\s[^>]{0,200}upgrade-insecure-requests/i.test(
    response.text().slice(0, 65_536),
  );
}

function add(hits: Hits, kind: Kind, place: string, url: string): void {
  const places = hits.get(kind) ?? new Map<string, Set<string>>();
  const urls = places.get(place) ?? new Set<string>();
  urls.add(url);
  places.set(place, urls);
  hits.set(kind, places);
}

/** Plain http to another machine; loopback never leaves this one. */
function isInsecure(url: string, base: string): boolean {
  const trimmed = url.trim();
  if (trimmed.includes(":") && !/^(?:https?:|\/)/i.test(trimmed)) return false;
  const target = URL.parse(trimmed, base);
  return target !== null && target.protocol === "http:" &&
    !isLoopback(target.hostname);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") ||
    /^127(?:\.\d{1,3}){3}$/.test(host) || host === "[::1]";
}

const ACTIVE: Record<string, string> = {
  script: "src",
  iframe: "src",
  frame: "src",
  embed: "src",
  object: "data",
};
const PASSIVE: Record<string, string[]> = {
  img: ["src", "srcset"],
  audio: ["src"],
  video: ["src", "poster"],
  source: ["src", "srcset"],
  input: ["src"],
};

function collectSecurePage(text: string, pageUrl: string, hits: Hits): void {
  let base = pageUrl;
  let action: string | null = null;
  let isPasswordForm = false;
  const closeForm = () => {
    if (action !== null && isInsecure(action, base)) {
      add(hits, isPasswordForm ? "password-form" : "form", "form[action]", action);
    }
    action = null;
    isPasswordForm = false;
  };
  for (const tag of tags(text)) {
    const { name, attributes } = tag;
    if (name === "base") {
      base = URL.parse(attributes.get("href") ?? "", pageUrl)?.href ?? base;
    } else if (name === "form") {
      closeForm();
      action = attributes.get("action") ?? "";
    } else if (isPasswordField(tag)) {
      isPasswordForm = true;
    }
    const override = attributes.get("formaction");
    if (override && isInsecure(override, base)) {
      add(hits, "form", `${name}[formaction]`, override);
    }
    collectResources(tag, base, hits);
  }
  closeForm();
}

function collectResources(tag: Tag, base: string, hits: Hits): void {
  const { name, attributes } = tag;
  const check = (kind: Kind, attribute: string, url: string | undefined) => {
    if (url && isInsecure(url, base)) {
      add(hits, kind, `${name}[${attribute}]`, url.trim());
    }
  };
  const active = ACTIVE[name];
  if (active) check("active", active, attributes.get(active));
  if (name === "link") {
    const rel = attributes.get("rel") ?? "";
    if (/(?:^|\s)(?:stylesheet|modulepreload|manifest|import)(?:\s|$)/i.test(rel)) {
      check("active", "href", attributes.get("href"));
    } else if (/(?:^|\s)(?:apple-touch-)?icon(?:\s|$)/i.test(rel)) {
      check("passive", "href", attributes.get("href"));
    }
  }
  for (const attribute of PASSIVE[name] ?? []) {
    const value = attributes.get(attribute);
    if (!value) continue;
    const urls = attribute === "srcset"
      ? value.split(",").map((part) => part.trim().split(/\s/)[0])
      : [value];
    for (const url of urls) check("passive", attribute, url);
  }
  collectStyle(tag.content, "style", hits);
  collectStyle(attributes.get("style") ?? "", `${name}[style]`, hits);
}

function collectStyle(css: string, place: string, hits: Hits): void {
  if (!/http:\/\//i.test(css)) return;
  const rules = withoutComments(css);
  for (
    const match of rules.matchAll(/(@import\s{0,8})?(?:url\(\s{0,8})?["']?(http:\/\/[^\s"')<>]{1,2000})/gi)
  ) {
    const url = match[2];
    const isImport = match[1] !== undefined;
    const isUrl = isImport || /url\(/i.test(match[0]);
    if (isUrl && isInsecure(url, url)) {
      add(hits, isImport ? "active" : "passive", isImport ? `${place} @import` : `${place} url()`, url);
    }
  }
}

function withoutComments(css: string): string {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const open = css.indexOf("/*", at);
    if (open < 0) return parts.join("") + css.slice(at);
    parts.push(css.slice(at, open));
    const close = css.indexOf("*/", open + 2);
    if (close < 0) return parts.join("");
    at = close + 2;
  }
}

function isPasswordField(tag: Tag): boolean {
  return tag.name === "input" &&
    tag.attributes.get("type")?.trim().toLowerCase() === "password";
}

function collectPlainPage(text: string, pageUrl: string, hits: Hits): void {
  const page = URL.parse(pageUrl);
  if (!page || isLoopback(page.hostname)) return;
  for (const tag of tags(text)) {
    if (!isPasswordField(tag)) continue;
    add(hits, "password-page", "input[type=password]", page.origin);
    return;
  }
}

const TEXTS: Record<
  Kind,
  Pick<IsoscanFinding, "title" | "vuln_type" | "severity" | "description" | "cwe" | "remediation">
> = {
  active: {
    title: "Active mixed content",
    vuln_type: "mixed-content-active",
    severity: "medium",
    description:
      "An https page loads code or frames over http. Browsers block it, so the page is broken; a client that does not block runs whatever the network sends.",
    cwe: "CWE-319",
    remediation: "Load it over https, or remove it.",
  },
  passive: {
    title: "Passive mixed content",
    vuln_type: "mixed-content-passive",
    severity: "low",
    description: "An https page loads images, media or fonts over http, where they can be seen and replaced.",
    cwe: "CWE-319",
    remediation: "Load them over https.",
  },
  form: {
    title: "Form of an https page posts to http",
    vuln_type: "form-downgrade",
    severity: "medium",
    description: "What the visitor enters leaves the browser unencrypted.",
    cwe: "CWE-319",
    remediation: "Post to an https URL.",
  },
  "password-form": {
    title: "Password form of an https page posts to http",
    vuln_type: "password-form-downgrade",
    severity: "high",
    description: "The password leaves the browser unencrypted.",
    cwe: "CWE-523",
    remediation: "Post to an https URL.",
  },
  "password-page": {
    title: "Password field on an http page",
    vuln_type: "password-over-http",
    severity: "high",
    description:
      "The page came unencrypted: on the way it can be changed to send the password elsewhere, whatever the form's target is.",
    cwe: "CWE-523",
    remediation: "Serve the page over https only and redirect http to it.",
  },
};

function toFinding(
  kind: Kind,
  place: string,
  urls: string[],
  note: string,
): IsoscanFinding {
  const shown = urls.slice(0, MAX_LISTED).map((url) => url.slice(0, 500));
  const cut = urls.length > shown.length ? ` ${shown.length} of ${urls.length} URLs are listed.` : "";
  const text = TEXTS[kind];
  return {
    ...text,
    description: `${text.description}${cut}${note}`,
    confidence: "high",
    evidence: shown.join("\n"),
    location: `response.body:${place}`,
    owasp: "A02:2021",
  };
}
