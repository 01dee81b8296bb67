/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

/**
 * What each kind of error page looks like. Every signature asks for structure
 * (frames with line numbers, the parts of a debug page), never for words alone.
 * All repetitions are bounded and start at a line start or a literal.
 */

export interface Signature {
  /** `vuln_type` of the finding. */
  type: string;
  title: string;
  severity: IsoscanSeverity;
  /** One of these must occur before `find` is asked. */
  hints: string[];
  /** Offset of the first proof in the text, or -1. */
  find(text: string): number;
  /** Whether articles quote it; then a page that looks like one is believed. */
  isQuotable: boolean;
  /** Types this one already says, so they are left out beside it. */
  covers?: string[];
}

/** Offset of the first match when at least `least` are found. */
function count(text: string, pattern: RegExp, least: number): number {
  let first = -1;
  let seen = 0;
  for (const match of text.matchAll(pattern)) {
    if (first < 0) first = match.index;
    if (++seen >= least) return first;
  }
  return -1;
}

function search(text: string, ...patterns: RegExp[]): number {
  const offsets = patterns.map((pattern) => text.search(pattern));
  return offsets.includes(-1) ? -1 : Math.min(...offsets);
}

function searchAny(text: string, patterns: RegExp[]): number {
  for (const pattern of patterns) {
    const at = text.search(pattern);
    if (at >= 0) return at;
  }
  return -1;
}

const PYTHON_FRAME = /^[ \t]{0,20}File "[^"\n]{1,300}", line \d+, in /gm;
const PYTHON_ERROR = /^[A-Za-z_][\w.]{0,120}(?:Error|Exception|Exit|Warning|Fault|Exist|Found)\b/m;

function pythonTrace(text: string): number {
  const at = text.indexOf("Traceback (most recent call last):");
  if (at < 0) return -1;
  const after = text.slice(at, at + 8000);
  const frames = (after.match(PYTHON_FRAME) ?? []).length;
  return frames >= 2 || (frames === 1 && PYTHON_ERROR.test(after)) ? at : -1;
}

function dotnetTrace(text: string): number {
  const frames =
    /^[ \t]{0,20}at [\w.`<>[\],+]{3,300}\([^)\n]{0,300}\)(?: in [^\n]{1,300}:line \d+)?[ \t\r]{0,4}$/gm;
  const at = count(text, frames, 2);
  if (at < 0) return -1;
  return /\) in [^\n]{1,300}:line \d/.test(text) ||
      /^[ \t]{0,20}at (?:System|Microsoft)\./m.test(text)
    ? at
    : -1;
}

function nodeTrace(text: string): number {
  const frames =
    /^[ \t]{0,20}at (?:async )?(?:[^\n()]{1,200} \()?(?:file:\/\/)?(?:\/|[A-Z]:\\|node:)[^\n()]{1,300}:\d+:\d+\)?/gm;
  return count(text, frames, 3);
}

function graphqlTrace(text: string): number {
  if (!/^\s{0,20}\{/.test(text)) return -1;
  return search(
    text,
    /"errors"\s{0,4}:\s{0,4}\[/,
    /"(?:stacktrace|debugMessage)"\s{0,4}:\s{0,4}["[]|"extensions"\s{0,4}:\s{0,4}\{[^{}]{0,400}"trace"\s{0,4}:\s{0,4}\[/,
  );
}

const SQL_MESSAGES = [
  /You have an error in your SQL syntax; check the manual that corresponds to your (?:MySQL|MariaDB) server version/,
  /SQLSTATE\[[0-9A-Z]{5}\](?:\s?\[\d+\])?:? [^\n]{1,80}/,
  /ERROR: {1,3}syntax error at or near "[^"\n]{0,200}"/,
  /\b(?:psycopg2?|asyncpg)(?:\.errors|\.exceptions)?\.\w{3,60}: /,
  /\bPG::\w{3,60}: ERROR/,
  /PSQLException: ERROR: /,
  /\bORA-\d{5}: [^\n]{3,200}/,
  /Unclosed quotation mark (?:after|before) the character string/,
  /\[SQL Server\]\s?(?:Incorrect syntax near|Invalid column name|Conversion failed)/,
  /SqlException(?: \(0x[0-9A-Fa-f]{8}\))?: [^\n]{3,200}/,
  /sqlite3\.(?:Operational|Integrity|Programming)Error: /,
  /SQLITE_(?:ERROR|CONSTRAINT|MISMATCH)\b: /,
  /SQLite3::\w{3,40}Exception: /,
  /\bDB2 SQL error: SQLCODE[:=]/i,
];

export const SIGNATURES: Signature[] = [
  {
    type: "debugger-werkzeug",
    title: "Werkzeug debugger is reachable",
    severity: "high",
    hints: ["Werkzeug"],
    find: (text) => search(text, /\bEVALEX\s{0,3}=\s{0,3}true/, /\bSECRET\s{0,3}=\s{0,3}"/),
    isQuotable: false,
    covers: ["trace-python", "sql-error"],
  },
  {
    type: "debug-page-django",
    title: "Django debug page",
    severity: "medium",
    hints: ["DEBUG"],
    find: (text) =>
      search(
        text,
        /because you have\s{0,20}(?:<code>)?DEBUG\s{0,3}=\s{0,3}True/,
        /<(?:div|header|main) id="(?:summary|info|explanation)"/,
      ),
    isQuotable: false,
    covers: ["trace-python", "sql-error"],
  },
  {
    type: "debug-page-php",
    title: "PHP framework debug page",
    severity: "medium",
    hints: ["Whoops", "ignit", "sf-reset", "exception-metadata"],
    find: (text) =>
      searchAny(text, [
        /<div class="Whoops container/,
        /window\.ignite\s{0,3}\(/,
        /<script[^>]{0,100}>\s{0,20}window\.data = \{"report"/,
        /class="(?:sf-reset|exception-metadata)"/,
      ]),
    isQuotable: false,
    covers: ["trace-php", "sql-error"],
  },
  {
    type: "debug-page-rails",
    title: "Rails debug page",
    severity: "medium",
    hints: ["Rails.root"],
    find: (text) => search(text, /Rails\.root: /, /id="(?:traces|Application-Trace)/),
    isQuotable: false,
    covers: ["trace-ruby", "sql-error"],
  },
  {
    type: "debug-page-aspnet",
    title: "ASP.NET error page with details",
    severity: "medium",
    hints: ["Server Error in '", "titleerror"],
    find: (text) =>
      text.includes("titleerror") ? search(text, /class="titleerror"/, /id="stackpage"/) : search(
        text,
        /<h1>[^\n]{0,20}Server Error in '/i,
        /<b>\s?(?:Stack Trace|Source Error|Source File):/i,
      ),
    isQuotable: false,
    covers: ["trace-dotnet", "sql-error"],
  },
  {
    type: "trace-graphql",
    title: "GraphQL error with a stack trace",
    severity: "medium",
    hints: ["stacktrace", "debugMessage", '"trace"'],
    find: graphqlTrace,
    isQuotable: false,
    covers: ["trace-node", "trace-php"],
  },
  {
    type: "trace-python",
    title: "Python stack trace",
    severity: "medium",
    hints: ["Traceback (most recent call last)"],
    find: pythonTrace,
    isQuotable: true,
  },
  {
    type: "trace-java",
    title: "Java stack trace",
    severity: "medium",
    hints: [".java:", ".kt:", ".scala:", "(Unknown Source)"],
    find: (text) =>
      count(
        text,
        /^[ \t]{0,20}(?:at )?(?:[\w.$@-]{1,200}\/)?[A-Za-z_$][\w$]{0,100}(?:\.[\w$<>]{1,200}){1,40}\((?:[\w$-]{1,200}\.(?:java|kt|scala|groovy):\d+|Native Method|Unknown Source)\)/gm,
        3,
      ),
    isQuotable: true,
  },
  {
    type: "trace-dotnet",
    title: ".NET stack trace",
    severity: "medium",
    hints: [":line ", "at System.", "at Microsoft."],
    find: dotnetTrace,
    isQuotable: true,
  },
  {
    type: "trace-php",
    title: "PHP error message with a file path",
    severity: "medium",
    hints: ["on line ", ".php:", ".php("],
    find: (text) =>
      Math.max(
        text.search(
          /<b>(?:Warning|Notice|Fatal error|Parse error|Deprecated|Recoverable fatal error)<\/b>:\s{1,3}[^\n]{1,600}? in <b>[^<\n]{1,300}<\/b> on line <b>\d/,
        ),
        text.search(
          /^(?:PHP )?(?:Warning|Notice|Fatal error|Parse error|Deprecated): {1,2}[^\n]{1,400}? in (?:\/|[A-Z]:\\)[^\n:]{1,200}(?: on line |:)\d/m,
        ),
        count(text, /^#\d+ (?:\/|[A-Z]:\\)[^\n(]{1,300}\(\d+\): /gm, 2),
      ),
    isQuotable: true,
  },
  {
    type: "trace-ruby",
    title: "Ruby stack trace",
    severity: "medium",
    hints: [".rb:"],
    find: (text) =>
      count(
        text,
        /^[ \t]{0,20}(?:from )?(?:\/|[\w-]{1,60} \([\d.]{1,20}\) |app\/|lib\/)[^\s:]{1,300}\.rb:\d+:in ['`]/gm,
        2,
      ),
    isQuotable: true,
  },
  {
    type: "trace-node",
    title: "Node.js stack trace",
    severity: "medium",
    hints: [".js:", ".ts:", ".mjs:", ".cjs:", "node:internal"],
    find: nodeTrace,
    isQuotable: true,
  },
  {
    type: "trace-go",
    title: "Go panic with a stack trace",
    severity: "medium",
    hints: ["goroutine "],
    find: (text) =>
      search(
        text,
        /^goroutine \d+ \[running\]:/m,
        /^[ \t]{0,4}[^\s:]{1,300}\.go:\d+/m,
      ),
    isQuotable: true,
  },
  {
    type: "sql-error",
    title: "Database error message",
    severity: "medium",
    hints: [
      "SQL",
      "sql",
      "ORA-",
      "PG::",
      "psycopg",
      "asyncpg",
      "syntax error at or near",
      "quotation mark",
    ],
    find: (text) => searchAny(text, SQL_MESSAGES),
    isQuotable: true,
  },
  {
    type: "error-page-spring",
    title: "Spring default error page",
    severity: "info",
    hints: ["Whitelabel Error Page"],
    find: (text) => search(text, /<h1>Whitelabel Error Page<\/h1>/, /\(type=[^)\n]{1,80}, status=\d+\)/),
    isQuotable: true,
  },
];
