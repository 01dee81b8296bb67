/** The part of retire that `entry.js` exports, typed by hand: the package's own file is for Node. */

export type Severity = "low" | "medium" | "high" | "critical";

export interface Vulnerability {
  severity?: Severity;
  /** The first version without it; `"999.999.999"` and the like when there is none. */
  below?: string;
  atOrAbove?: string;
  cwe?: string[];
  /** Links. */
  info: string[];
  identifiers?: {
    summary?: string;
    CVE?: string[];
    githubID?: string;
    [name: string]: unknown;
  };
}

export type Extractor =
  | "uri"
  | "filename"
  | "filecontent"
  | "filecontentreplace";

export interface Library {
  npmname?: string;
  vulnerabilities: Vulnerability[];
  extractors: { [name in Extractor]?: string[] } & {
    hashes?: Record<string, string>;
  };
}

/** Libraries by name. */
export type Repository = Record<string, Library>;

export interface Component {
  component: string;
  version: string;
  npmname?: string;
  detection: Extractor | "hash";
  /** Absent when the version has none. */
  vulnerabilities?: Vulnerability[];
}

/** Puts the expression for a version where the data has its placeholder. */
export function replaceVersion(json: string): string;
export function scanUri(uri: string, repository: Repository): Component[];
export function scanFileName(name: string, repository: Repository): Component[];
/** Asks for the SHA-1 of the text only when no expression has matched. */
export function scanFileContent(
  content: string,
  repository: Repository,
  hasher: { sha1(content: string): string },
): Component[];
export function isAtOrAbove(version: string, other: string): boolean;
