/** Reads Content-Security-Policy the way a browser does: several policies all apply. */

export type Weakness =
  | "scripts-unrestricted"
  | "unsafe-inline"
  | "unsafe-eval"
  | "wildcard"
  | "data-scripts"
  | "object-src"
  | "base-uri";

type Policy = Map<string, string[]>;

/** The policies of all header values; a comma separates policies. */
export function parsePolicies(values: string[]): Policy[] {
  return values.flatMap((value) => value.split(",")).map(parsePolicy).filter((
    policy,
  ) => policy.size > 0);
}

function parsePolicy(text: string): Policy {
  const policy: Policy = new Map();
  for (const part of text.split(";")) {
    const [name, ...sources] = part.trim().split(/\s+/);
    const directive = name.toLowerCase();
    // The first of two equal directives counts.
    if (directive && !policy.has(directive)) {
      policy.set(directive, sources.map((source) => source.toLowerCase()));
    }
  }
  return policy;
}

/** Whether some policy limits who may frame the page. */
export function limitsFraming(policies: Policy[]): boolean {
  return policies.some((policy) => {
    const sources = policy.get("frame-ancestors");
    return sources !== undefined && !sources.some(isAnyHost);
  });
}

/** What every one of the policies leaves open; an action must pass all of them. */
export function weaknesses(policies: Policy[]): Set<Weakness> {
  const perPolicy = policies.map(weaknessesOf);
  const unrestricted = perPolicy.map((found) => found.has("scripts-unrestricted"));
  const open = new Set<Weakness>();
  if (unrestricted.every(Boolean)) open.add("scripts-unrestricted");
  const scriptKinds: Weakness[] = [
    "unsafe-inline",
    "unsafe-eval",
    "wildcard",
    "data-scripts",
  ];
  for (const kind of scriptKinds) {
    const isOpen = perPolicy.every((found, index) => unrestricted[index] || found.has(kind));
    if (isOpen && !open.has("scripts-unrestricted")) open.add(kind);
  }
  for (const kind of ["object-src", "base-uri"] as const) {
    if (perPolicy.every((found) => found.has(kind))) open.add(kind);
  }
  return open;
}

const NONCE_OR_HASH = /^'(?:nonce-|sha(?:256|384|512)-)/;

function weaknessesOf(policy: Policy): Set<Weakness> {
  const found = new Set<Weakness>();
  const scripts = policy.get("script-src") ?? policy.get("default-src");
  if (scripts === undefined) {
    found.add("scripts-unrestricted");
  } else {
    const isNonced = scripts.some((source) => NONCE_OR_HASH.test(source));
    const isDynamic = scripts.includes("'strict-dynamic'");
    // Nonces and hashes switch unsafe-inline off, strict-dynamic also the hosts.
    if (scripts.includes("'unsafe-inline'") && !isNonced && !isDynamic) {
      found.add("unsafe-inline");
    }
    if (scripts.includes("'unsafe-eval'")) found.add("unsafe-eval");
    if (!isDynamic) {
      if (scripts.some(isAnyHost)) found.add("wildcard");
      if (scripts.includes("data:")) found.add("data-scripts");
    }
  }
  const objects = policy.get("object-src") ?? policy.get("default-src");
  if (objects === undefined || objects.some(isAnyHost)) found.add("object-src");
  if (!policy.has("base-uri")) found.add("base-uri");
  return found;
}

function isAnyHost(source: string): boolean {
  return /^(?:\*|https?:|(?:https?:\/\/)?\*(?:\.[a-z]+)?)$/.test(source);
}
