"""Where a module's text imports others. Pure, and linear in the text, which an attacker may have written."""

from __future__ import annotations

import re
from collections import defaultdict

#: Start and stop of a quoted specifier, by what it says.
Spans = dict[str, list[tuple[int, int]]]

_WORD = re.compile(r"\b(?:import|export)\b")
_IMPORT = r"\b(?:from|import)\s*(?:\(\s*)?(?P<url>(?P<quote>[\"'])(?P<name>[^\"'\\\n]*)(?P=quote))"
_PLAIN = re.compile(_IMPORT)
_TOKEN = re.compile(rf"//[^\n]*|/\*|`|{_IMPORT}|[\"']")
#: The rest of what such an opening begins; the group is empty when nothing closes it.
_REST = {
    "/*": re.compile(r"(?:[^*]|\*(?!/))*+(\*/)?"),
    "`": re.compile(r"(?:\\.|[^`\\])*+(`)?", re.DOTALL),
    '"': re.compile(r"(?:\\.|[^\"\\\n])*+(\")?", re.DOTALL),
    "'": re.compile(r"(?:\\.|[^'\\\n])*+(')?", re.DOTALL),
}


def may_import(code: str) -> bool:
    """Whether a statement seems to import or export from somewhere; may err on the side of yes."""
    for statement in code.split(";"):
        word = _WORD.search(statement)
        if word is not None and max(statement.rfind('"'), statement.rfind("'")) > word.start():
            return True
    return False


def find_imports(code: str) -> tuple[Spans, Spans]:
    """Where quoted specifiers stand behind `from`, `import` or `import(`.

    First those outside of comments, templates and other strings; then all, for specifiers the
    first lacks: a regular expression with a quote in it can hide what follows.
    """
    careful: Spans = defaultdict(list)
    #: Up to where nothing closes such an opening. Looking again at each would take for ever.
    open_until: dict[str, int] = {}
    at = 0
    while (token := _TOKEN.search(code, at)) is not None:
        at = token.end()
        opening = token[0]
        if token["url"] is not None:
            careful[token["name"]].append(token.span("url"))
        elif opening in _REST and token.start() >= open_until.get(opening, 0):
            rest = _REST[opening].match(code, at)
            assert rest is not None
            if rest[1] is not None:
                at = rest.end()
            else:
                open_until[opening] = rest.end()
    plain: Spans = defaultdict(list)
    for match in _PLAIN.finditer(code):
        plain[match["name"]].append(match.span("url"))
    return careful, plain
