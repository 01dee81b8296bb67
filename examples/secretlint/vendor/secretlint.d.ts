/** The part of secretlint that `entry.js` exports, typed by hand: the packages' own files refer to others. */

export interface Position {
  /** From 1. */
  line: number;
  /** From 0. */
  column: number;
}

export interface Message {
  ruleId: string;
  messageId: string;
  /** What the rule's message names: the secret, or the name of a file. */
  data?: Record<string, string>;
  docsUrl?: string;
  severity: "error" | "warning" | "info";
  /** Indices into the content. */
  range: readonly [start: number, end: number];
  loc: { start: Position; end: Position };
}

export interface Rule {
  readonly meta: { readonly id: string };
}

export interface Source {
  content: string;
  filePath: string;
  ext: string;
  contentType: "text";
}

export interface Options {
  config: { rules: { id: string; rule: Rule }[] };
  /** Whether the file's path leads nowhere, so that no rule opens it. */
  noPhysicFilePath: boolean;
}

export function lintSource(input: { source: Source; options: Options }): Promise<{ messages: Message[] }>;

/** The rules of the recommended preset. */
export const recommendedRules: Rule[];
