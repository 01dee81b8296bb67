/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

/** Decides whether a named value is sensitive, and as what. */

export interface Sensitive {
  type: string;
  title: string;
  severity: IsoscanSeverity;
  confidence: IsoscanConfidence;
  what: string;
}

const PASSWORD_NAMES =
  /^(?:password|passwd|pwd|passphrase|pass|user_?pass(?:word)?|login_?password|new_?password|old_?password|current_?password)$/;
const SESSION_NAMES =
  /^(?:session|session_?id|sess(?:ion)?_?(?:token|key)|sid|phpsessid|jsessionid|asp\.net_sessionid|cftoken|connect\.sid)$/;
const KEY_NAMES =
  /^(?:x[-_])?(?:api|app|access|auth|client|private|secret|subscription)[-_]?(?:key|secret)$|^(?:secret|apikey|client_secret|consumer_secret|shared_secret)$/;
const TOKEN_NAMES =
  /^(?:access|auth|bearer|id|refresh|user|login|sso|api|oauth|oauth_access)[-_]?token$|^(?:token|jwt|bearer|authorization|auth|ticket)$/;
const ONE_TIME_NAMES =
  /^(?:reset|password_?reset|recovery|confirm(?:ation)?|verif(?:y|ication)|activation|invite|magic|one_?time|unsubscribe|csrf|xsrf)[-_]?(?:token|code|key)?$/;
const CARD_NAMES =
  /^(?:(?:credit|debit|payment)?[-_]?card[-_]?(?:no|num|number)?|cc|cc[-_]?(?:no|num|number)|pan|ccnum)$/;

const PLACEHOLDER =
  /^(?:true|false|yes|no|on|off|null|none|nil|undefined|test|example|demo|token|password|secret|key|redacted|masked|hidden|removed)$|^[*x•.#-]+$|^\[.*\]$|^\{.*\}$|^<.*>$|^\$|^%|example|placeholder|your[-_]|redacted|changeme|\*{3}|x{4}/i;

/** Public by design: measurement ids and browser keys of map services. */
const PUBLIC_VALUES = /^(?:AIza[\w-]{35}|pk_(?:live|test)_\w+|pk\.eyJ.*|G-[A-Z0-9]+|UA-\d+-\d+)$/;

export const JWT = /^eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*$/;
const PROVIDER_KEY =
  /^(?:AKIA[A-Z2-7]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{82}|glpat-[\w-]{20,64}|sk_live_\w{24,128}|xox[abprs]-[\w-]{20,200}|SG\.[\w-]{22}\.[\w-]{43}|sk-(?:proj|ant)-[\w-]{40,200})$/;
const EMAIL = /^[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}$/i;
const RESERVED_DOMAIN = /@(?:[\w.-]*\.)?(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$/i;

const kinds = {
  password: {
    type: "url-password",
    title: "Password in a URL",
    severity: "high",
    confidence: "high",
    what: "a password",
  },
  session: {
    type: "url-session-id",
    title: "Session id in a URL",
    severity: "medium",
    confidence: "medium",
    what: "a session id",
  },
  key: {
    type: "url-api-key",
    title: "API key in a URL",
    severity: "medium",
    confidence: "medium",
    what: "a key",
  },
  provider: {
    type: "url-api-key",
    title: "API key in a URL",
    severity: "high",
    confidence: "high",
    what: "a provider's key",
  },
  token: {
    type: "url-token",
    title: "Access token in a URL",
    severity: "medium",
    confidence: "medium",
    what: "an access token",
  },
  jwt: {
    type: "url-jwt",
    title: "JSON Web Token in a URL",
    severity: "medium",
    confidence: "high",
    what: "a JSON Web Token",
  },
  card: {
    type: "url-card-number",
    title: "Payment card number in a URL",
    severity: "high",
    confidence: "high",
    what: "a payment card number",
  },
  email: {
    type: "url-email",
    title: "E-mail address in a URL",
    severity: "low",
    confidence: "high",
    what: "an e-mail address",
  },
} as const satisfies Record<string, Sensitive>;

export function classify(name: string, value: string): Sensitive | null {
  const key = name.toLowerCase();
  const text = value.trim();
  if (text === "") return null;
  const card = classifyCard(key, text);
  if (card) return card;
  if (EMAIL.test(text)) return RESERVED_DOMAIN.test(text) ? null : kinds.email;
  if (PUBLIC_VALUES.test(text) || PLACEHOLDER.test(text)) return null;
  if (JWT.test(text)) return kinds.jwt;
  if (PROVIDER_KEY.test(text)) return kinds.provider;
  // Links of this kind are sent by mail on purpose and work once.
  if (ONE_TIME_NAMES.test(key)) return null;
  if (PASSWORD_NAMES.test(key)) {
    return text.length >= 4 && !/^[\d.]{1,3}$/.test(text) ? kinds.password : null;
  }
  if (!isRandom(text)) return null;
  if (SESSION_NAMES.test(key)) return kinds.session;
  if (KEY_NAMES.test(key)) return kinds.key;
  return TOKEN_NAMES.test(key) ? kinds.token : null;
}

/** Long and mixed enough to be issued by a machine. */
function isRandom(text: string): boolean {
  if (text.length < 16 || /\s/.test(text)) return false;
  if (!/\d/.test(text) || !/[a-z]/i.test(text)) return false;
  return new Set(text).size >= 8;
}

function classifyCard(key: string, text: string): Sensitive | null {
  if (!/^\d[\d -]{11,22}$/.test(text)) return null;
  const digits = text.replace(/[ -]/g, "");
  const isKnownIssuer =
    /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}|6(?:011|5\d\d)\d{12})$/
      .test(digits);
  if (!isKnownIssuer || !passesLuhn(digits)) return null;
  if (CARD_NAMES.test(key)) return kinds.card;
  // Every tenth long number passes the check digit; only the grouping of a card tells.
  return /^\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}$/.test(text) ? { ...kinds.card, confidence: "medium" } : null;
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index]);
    const doubled = index % 2 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
