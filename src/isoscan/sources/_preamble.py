"""What tools write before a raw request they save."""

from __future__ import annotations

import re

#: Nothing, or up to a few lines: a URL alone (katana), or what nuclei writes above what it dumps.
PREAMBLE = re.compile(
    rb"(?:(?:\[[^\]\r\n]{1,200}\] ){0,3}(?:Dumped HTTP request for )?"
    rb"https?://\S{1,4000}(?: \([^)\r\n]{1,200}\))?[ \t]*\r?\n(?:[ \t]*\r?\n){0,4})?"
)
