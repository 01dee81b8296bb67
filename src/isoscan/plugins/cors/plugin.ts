/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

export const metadata: IsoscanMetadata = {
  id: "cors",
  name: "Cross-origin resource sharing",
  version: "1.0.0",
  author: "isoscan",
  description:
    "CORS answers that let foreign, null, look-alike or plain http origins read credentialed responses.",
  category: "configuration",
  default_severity: "high",
  tags: ["cors", "access-control"],
};

const ALLOW_ORIGIN = "access-control-allow-origin";
const ALLOW_CREDENTIALS = "access-control-allow-credentials";

/** How an origin's host relates to the host that answered. */
type Relation = "same-host" | "same-site" | "look-alike" | "foreign";

export function scan_transaction(
  transaction: IsoscanTransaction,
): IsoscanFinding | null {
  const { request, response } = transaction;
  const allowed = response?.headers[ALLOW_ORIGIN]?.trim();
  if (!response || !allowed) return null;
  // Without credentials the answer is what anybody can fetch.
  const isCredentialed = response.headers[ALLOW_CREDENTIALS]?.trim().toLowerCase() === "true";
  if (!isCredentialed) return null;
  if (isStatic(request, response)) return null;
  const evidence = [
    `request origin: ${request.headers.origin ?? "(none)"}`,
    `${ALLOW_ORIGIN}: ${allowed}`,
    `${ALLOW_CREDENTIALS}: true`,
  ].join("\n");
  const finding = judge(request, response, allowed);
  return finding && {
    ...finding,
    evidence,
    location: `response.header:${ALLOW_ORIGIN}`,
    cwe: "CWE-942",
    owasp: "A05:2021",
    remediation:
      "Compare the Origin with a fixed list of full origins, answer only those, and send Vary: Origin.",
  };
}

/** Images, fonts, styles and scripts can be embedded anyway. */
function isStatic(
  request: IsoscanRequest,
  response: IsoscanResponse,
): boolean {
  const type = response.content_type ?? "";
  if (
    /^\s*(?:image|font|audio|video)\/|text\/css|javascript|application\/(?:font|x-font|wasm)/i
      .test(type)
  ) return true;
  return /\.(?:png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|otf|eot|css|m?js|map)$/i
    .test(URL.parse(request.url)?.pathname ?? "");
}

function judge(
  request: IsoscanRequest,
  response: IsoscanResponse,
  allowed: string,
): IsoscanFinding | null {
  const asked = request.headers.origin?.trim();
  if (allowed === "*") {
    return {
      title: "CORS wildcard combined with credentials",
      vuln_type: "cors-wildcard-credentials",
      severity: "low",
      confidence: "high",
      description:
        "Browsers refuse this combination, so nothing leaks; but the server means to share with every origin, and the usual repair is to reflect it.",
    };
  }
  if (allowed.toLowerCase() === "null") {
    return {
      title: "CORS allows the null origin with credentials",
      vuln_type: "cors-null-origin",
      severity: "high",
      confidence: asked === "null" ? "high" : "medium",
      description:
        "Any site can make a request with the origin null from a sandboxed frame, and read the visitor's answer.",
    };
  }
  const origin = URL.parse(allowed);
  const own = URL.parse(request.url);
  // A list or anything else that is no origin is ignored by browsers.
  if (!origin || !own || /[\s,]/.test(allowed)) return null;
  if (origin.origin === own.origin) return null;
  const relation = relate(origin.hostname, own.hostname);
  const isReflected = asked !== undefined &&
    asked.toLowerCase() === allowed.toLowerCase();
  if (isReflected && relation === "look-alike") {
    return {
      title: "CORS trusts an origin that only resembles the site",
      vuln_type: "cors-look-alike-origin",
      severity: "high",
      confidence: "high",
      description:
        "The origin contains the site's name but belongs to somebody else: the check compares a prefix or suffix. Who registers such a name reads visitors' data.",
    };
  }
  if (isLoopback(origin.hostname)) {
    if (isLoopback(own.hostname)) return null;
    return {
      title: "CORS trusts a loopback origin with credentials",
      vuln_type: "cors-loopback-origin",
      severity: "low",
      confidence: "medium",
      description:
        "Whatever serves a page on the visitor's own machine can read the answer; usually a leftover of development.",
    };
  }
  if (request.is_https && origin.protocol === "http:") {
    return {
      title: "CORS trusts a plain http origin with credentials",
      vuln_type: "cors-http-origin",
      severity: "medium",
      confidence: "high",
      description:
        "Someone on the visitor's network can write the http page, and with it read what the https site answers.",
    };
  }
  if (!isReflected || relation !== "foreign") return null;
  if (!isPersonal(request, response)) return null;
  const isHostile = /(?:^|[.-])(?:evil|attacker|malicious|hacker)/i.test(
    origin.hostname,
  );
  return {
    title: "CORS answers a foreign origin with credentials",
    vuln_type: "cors-reflected-origin",
    severity: isHostile ? "high" : "medium",
    // One request cannot tell a reflected origin from an agreed partner.
    confidence: isHostile ? "high" : "low",
    description: isHostile
      ? "No list would contain this origin, so the server repeats whatever it is sent: every site can read visitors' data."
      : "The origin belongs to another site. If it is not an agreed partner, the server repeats whatever it is sent, and every site can read visitors' data.",
  };
}

/** Whether the exchange carried a login and gave data back. */
function isPersonal(
  request: IsoscanRequest,
  response: IsoscanResponse,
): boolean {
  const { headers } = request;
  if (!headers.cookie && !headers.authorization) return false;
  if (/^OPTIONS$/i.test(request.method)) return false;
  return response.status >= 200 && response.status < 300 &&
    response.bodyLength > 0 &&
    /json|html|xml|text\/(?:plain|csv)/i.test(response.content_type ?? "");
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") ||
    /^127(?:\.\d{1,3}){3}$/.test(host) || host === "[::1]";
}

function relate(origin: string, own: string): Relation {
  if (origin === own) return "same-host";
  const ownSite = siteOf(own);
  if (siteOf(origin) === ownSite) return "same-site";
  if (!ownSite.includes(".") || /^[\d.]+$/.test(ownSite)) return "foreign";
  // A name as short as "x.com" ends many others by chance.
  const isNamed = ownSite.split(".")[0].length >= 4;
  const isPrefix = origin.startsWith(`${own}.`) || (isNamed && origin.startsWith(`${ownSite}.`));
  const isSuffix = isNamed && origin.endsWith(ownSite);
  // "shopXexample" instead of "shop.example": a dot left unescaped in a pattern.
  const isDotted = origin.length === own.length && origin !== own &&
    [...origin].every((char, index) => char === own[index] || own[index] === ".");
  return isPrefix || isSuffix || isDotted ? "look-alike" : "foreign";
}

/**
 * The registrable domain, by rule of thumb: two labels, or three when the last
 * two look like "co.uk". Shared hosting suffixes are not known.
 */
function siteOf(host: string): string {
  const labels = host.split(".");
  const isDouble = labels.length > 2 && labels[labels.length - 1].length === 2 &&
    /^(?:co|com|net|org|gov|ac|edu|or|ne|go)$/.test(labels[labels.length - 2]);
  return labels.slice(isDouble ? -3 : -2).join(".");
}
