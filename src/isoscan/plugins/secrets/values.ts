/** Tells keys from placeholders, and shows them without giving them away. */

import type { Rule } from "./rules.ts";

export const PLACEHOLDER =
  /example|placeholder|your[_-]?|replace|changeme|dummy|sample|redacted|xxxx|\*\*\*|\.\.\.|0{6}|1{6}|12345678|abcdefgh|<|\$\{|\{\{|%\(/i;
const WORDS = /^[a-z]+(?:[._-][a-z0-9]+)+$/;
// The documented key of the local storage emulator.
const EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50u";

/** Whether a match is a key and not an example of one. */
export function isPlausible(secret: string, rule: Rule): boolean {
  if (PLACEHOLDER.test(secret) || /(.)\1{5}/.test(secret)) return false;
  if (secret.startsWith(EMULATOR_KEY)) return false;
  if (rule.id === "generic-secret") {
    if (WORDS.test(secret) || !/\d/.test(secret) || !/[a-z]/i.test(secret)) {
      return false;
    }
  }
  if (
    rule.id === "database-url" &&
    /^(?:pass(?:word|wd)?|pwd|secret|root|admin|user|postgres|guest|test)$|^[[{($%]/i.test(secret)
  ) {
    return false;
  }
  return entropy(secret) >= (rule.minEntropy ?? 3);
}

/** Shannon entropy in bits per character. */
export function entropy(value: string): number {
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) {
    const share = count / value.length;
    bits -= share * Math.log2(share);
  }
  return bits;
}

/** First and last characters; enough to tell two secrets apart, not to use one. */
export function mask(secret: string): string {
  // Long keys open with their kind, which tells none of them apart.
  const [first, last] = secret.length >= 32
    ? [8, 4]
    : secret.length >= 20
    ? [4, 4]
    : secret.length >= 10
    ? [2, 2]
    : [1, 1];
  return `${secret.slice(0, first)}…${secret.slice(-last)}`;
}
