/** Finds JSON Web Tokens and reads what they say about themselves. */

export interface Jwt {
  token: string;
  algorithm: string;
  /** No algorithm or no signature: anyone can write one. */
  isUnsigned: boolean;
  /** `exp` in milliseconds, or null when it never expires. */
  expiresAt: number | null;
  claims: Record<string, unknown>;
}

// The look-behind keeps two matches from starting inside one run.
const PATTERN = /(?<![\w.-])eyJ[\w-]{8,2000}\.eyJ[\w-]{8,8000}\.(?:[\w-]{0,2000})(?![\w-])/g;

/** Tokens that really decode, each once, at most `limit`. */
export function findTokens(text: string, limit: number): Jwt[] {
  const tokens = new Map<string, Jwt>();
  if (!text.includes("eyJ")) return [];
  for (const [token] of text.matchAll(PATTERN)) {
    if (tokens.size >= limit) break;
    if (tokens.has(token)) continue;
    const parsed = parse(token);
    if (parsed) tokens.set(token, parsed);
  }
  return [...tokens.values()];
}

function parse(token: string): Jwt | null {
  const [head, payload, signature] = token.split(".");
  const header = decode(head);
  const claims = decode(payload);
  if (!header || !claims || typeof header.alg !== "string") return null;
  const isUnsigned = header.alg.toLowerCase() === "none" || signature === "";
  return {
    token,
    algorithm: header.alg,
    isUnsigned,
    expiresAt: typeof claims.exp === "number" ? claims.exp * 1000 : null,
    claims,
  };
}

function decode(part: string): Record<string, unknown> | null {
  try {
    const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
