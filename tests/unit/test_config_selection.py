"""Which plugins of those there are shall run."""

from __future__ import annotations

import pytest

from isoscan import ConfigError, PluginMetadata, Severity
from isoscan.selection import Selection, term

CORS = PluginMetadata(
    id="cors", category="configuration", default_severity=Severity.HIGH, tags=("cors", "Access-Control")
)
XSS = PluginMetadata(id="reflected", category="injection", default_severity=Severity.HIGH, tags=("xss",))
INFO = PluginMetadata(id="banner", main_category="Exposure", default_severity=Severity.INFO)
BARE = PluginMetadata(id="tag:odd")
ALL = [CORS, XSS, INFO, BARE]


def chosen(select: str = "", exclude: str = "", disabled: str = "") -> list[str]:
    """Ids of the plugins that run."""
    selection = Selection(
        tuple(map(term, select.split())), tuple(map(term, exclude.split())), frozenset(disabled.split())
    )
    return [plugin.id for plugin in ALL if selection.takes(plugin)]


@pytest.mark.parametrize(
    ("select", "exclude", "expected"),
    [
        ("", "", ["cors", "reflected", "banner", "tag:odd"]),
        ("cors", "", ["cors"]),
        ("id:CORS", "", ["cors"]),
        ("*or*", "", ["cors"]),
        ("id:tag:odd", "", ["tag:odd"]),
        ("tag:xss cors", "", ["cors", "reflected"]),
        ("tag:access-*", "", ["cors"]),
        ("category:exposure", "", ["banner"]),
        ("severity:high", "", ["cors", "reflected"]),
        ("Severity:HIGH", "tag:xss", ["cors"]),
        ("", "severity:info", ["cors", "reflected", "tag:odd"]),
        ("", "cors tag:xss category:*", ["tag:odd"]),
        ("cors", "cors", []),
    ],
)
def test_chosen(select: str, exclude: str, expected: list[str]) -> None:
    """Every word means what it says; what is excluded stays out."""
    assert chosen(select, exclude) == expected


def test_disabled() -> None:
    """A plugin that is switched off does not run, even if it is selected."""
    assert chosen("severity:high", disabled="cors") == ["reflected"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cosr", ["cosr", "did you mean cors?"]),
        ("nothing-like-it", ["nothing-like-it", "banner, cors"]),
        ("tag:xsss", ["tag:xsss", "did you mean xss?"]),
        ("severity:low", ["severity:low", "there is high, info"]),
    ],
)
def test_no_such_plugin(text: str, words: list[str]) -> None:
    """A word that means no plugin is an error that names what there is."""
    with pytest.raises(ConfigError) as caught:
        Selection(select=(term(text),)).check(ALL)
    for word in words:
        assert word in str(caught.value)


def test_nothing_left() -> None:
    """A selection that leaves nothing to run is an error that names the words and the plugins."""
    with pytest.raises(ConfigError) as caught:
        Selection(exclude=(term("id:*"),), disabled=frozenset({"cors"})).check(ALL)
    for word in ("exclude id:*", "enabled = false of cors", "banner", "reflected"):
        assert word in str(caught.value)


def test_idle_words() -> None:
    """Words of the exclusion that mean nothing are told, not refused."""
    selection = Selection(exclude=(term("cors"), term("tag:gone")))
    selection.check(ALL)
    assert selection.idle(ALL) == ["tag:gone"]
