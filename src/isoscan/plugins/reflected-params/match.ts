/** Finds a value in a document although parts of it were encoded. */

export interface Reflection {
  start: number;
  end: number;
  /** Characters of the value that came back as they were sent. */
  raw: Set<string>;
  /** Characters that came back as an HTML entity. */
  entity: Set<string>;
}

const NAMED: Record<string, string> = {
  "<": "lt",
  ">": "gt",
  '"': "quot",
  "'": "apos",
  "&": "amp",
};
export const META = /[<>"'`&\\/=();:${}\s]/;
const MAX_VALUE = 300;

/** Up to `limit` places where the value stands, wholly or partly encoded. */
export function findReflections(
  text: string,
  value: string,
  limit: number,
): Reflection[] {
  // Searching the longest plain run first spares the pattern on most values.
  const anchor = longestRun(value.slice(0, MAX_VALUE));
  if (!text.includes(anchor)) return [];
  const chars = [...value.slice(0, MAX_VALUE)];
  const metas = chars.filter((char) => META.test(char));
  const pattern = new RegExp(chars.map(alternatives).join(""), "g");
  const found: Reflection[] = [];
  for (const match of text.matchAll(pattern)) {
    if (found.length >= limit) break;
    const raw = new Set<string>();
    const entity = new Set<string>();
    metas.forEach((char, index) => {
      if (match[2 * index + 1] !== undefined) raw.add(char);
      else if (match[2 * index + 2] !== undefined) entity.add(char);
    });
    found.push({
      start: match.index,
      end: match.index + match[0].length,
      raw,
      entity,
    });
  }
  return found;
}

export function longestRun(value: string): string {
  const runs = value.match(/[\p{L}\p{N}_]+/gu) ?? [""];
  return runs.reduce((best, run) => run.length > best.length ? run : best);
}

/** Group 1 is the raw character, group 2 an entity; escapes are not captured. */
function alternatives(char: string): string {
  if (!META.test(char)) return escape(char);
  if (/\s/.test(char)) return "(?:(\\s)|(&nbsp;|&#32;)|%20|\\+|\\\\[nrt])";
  const code = char.charCodeAt(0);
  const hex = [...code.toString(16)].map((digit) =>
    /[a-f]/.test(digit) ? `[${digit}${digit.toUpperCase()}]` : digit
  ).join("");
  const entities = [`&#0{0,4}${code};?`, `&#[xX]0{0,4}${hex};?`];
  if (NAMED[char]) entities.push(`&${NAMED[char]};?`);
  const raw = escape(char);
  return `(?:(${raw})|(${entities.join("|")})|\\\\u00${hex}|\\\\x${hex}|%${hex}|\\\\${raw})`;
}

function escape(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
