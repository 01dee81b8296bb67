"""How much of a run one page holds. Beyond each bound something is left out, and the page says so."""

from __future__ import annotations

MIB = 1024 * 1024

#: The whole file.
PAGE_BYTES = 64 * MIB
#: All findings together, as JSON; what the page has left is for requests and responses.
FINDINGS_BYTES = 24 * MIB
#: Different findings; a worse one displaces one that is less severe.
FINDINGS = 50_000

#: Of one finding: occurrences that are listed, and those of them that are shown with their traffic.
HITS_LISTED = 100
HITS_WITH_TRAFFIC = 3
#: Occurrences of all findings together that are listed.
ALL_HITS_LISTED = 200_000

#: Characters of one text.
TITLE_CHARS = 500
URL_CHARS = 4096
TEXT_CHARS = 8192
#: Of one body: characters shown, those around each piece of evidence among them.
BODY_CHARS = 32 * 1024
AROUND_CHARS = 2048
#: Of one body: the bytes in which evidence is looked for, and those of a binary one that are shown.
SEARCHED_BYTES = MIB // 2
HEX_BYTES = 256
#: Of one message: characters of all header names and values together.
HEADERS_CHARS = 32 * 1024

#: What waits in the temporary file while the run goes on, all of it and the traffic. Findings below
#: "high" get the first half of each.
SPOOL_BYTES = 512 * MIB
TRAFFIC_SPOOL_BYTES = 256 * MIB
EXCHANGES = 100_000
#: One block of traffic in the page: what a browser parses at once when a finding is opened.
BLOCK_BYTES = 256 * 1024
