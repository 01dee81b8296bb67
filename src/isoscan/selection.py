"""Which plugins of those there are shall run: by id, tag, category and severity. Pure."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, get_args

from msgspec import Struct

from .errors import ConfigError
from .models import PluginMetadata, Severity

Trait = Literal["id", "tag", "category", "severity"]


class Term(Struct, frozen=True):
    """One word of a selection: `cors`, `id:cors*`, `tag:xss`, `category:injection`, `severity:high`.

    `pattern` may hold the wildcards `*`, `?` and `[…]`; case does not count.
    """

    trait: Trait
    pattern: str
    #: As it was given.
    text: str

    def matches(self, plugin: PluginMetadata) -> bool:
        """Whether the plugin is meant."""
        return any(fnmatch.fnmatchcase(value.lower(), self.pattern) for value in self._values(plugin))

    def _values(self, plugin: PluginMetadata) -> Iterable[str]:
        match self.trait:
            case "id":
                return (plugin.id,)
            case "tag":
                return plugin.tags
            case "category":
                return tuple(filter(None, (plugin.category, plugin.main_category)))
            case "severity":
                return () if plugin.default_severity is None else (plugin.default_severity.value,)


class Selection(Struct, frozen=True):
    """What shall run: what one of `select` means, or everything when that is empty, but for `exclude`.

    `disabled` are ids of plugins that never run.
    """

    select: tuple[Term, ...] = ()
    exclude: tuple[Term, ...] = ()
    disabled: frozenset[str] = frozenset()

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out, whatever there is."""
        return not (self.select or self.exclude or self.disabled)

    def takes(self, plugin: PluginMetadata) -> bool:
        """Whether the plugin shall run."""
        if plugin.id in self.disabled or any(term.matches(plugin) for term in self.exclude):
            return False
        return not self.select or any(term.matches(plugin) for term in self.select)

    def leaves_out(self, plugin_id: str) -> bool:
        """Whether a plugin is left out for its id alone, whatever else it says of itself."""
        return plugin_id in self.disabled or any(
            term.trait == "id" and term.matches(PluginMetadata(id=plugin_id)) for term in self.exclude
        )

    def check(self, plugins: Sequence[PluginMetadata]) -> None:
        """Raises `ConfigError` when a word of `select` means none of the plugins, or nothing is left."""
        for term in self.select:
            if not any(term.matches(plugin) for plugin in plugins):
                raise ConfigError(f"select: no plugin matches {term.text!r}{_advice(term, plugins)}")
        if not any(self.takes(plugin) for plugin in plugins):
            raise ConfigError(
                f"no plugin is left to run: {', '.join(self._words())} leave out all there are: "
                f"{_listed(_all('id', plugins))}"
            )

    def _words(self) -> Iterator[str]:
        for name, terms in (("select", self.select), ("exclude", self.exclude)):
            if terms:
                yield f"{name} {' '.join(term.text for term in terms)}"
        if self.disabled:
            yield f"enabled = false of {', '.join(sorted(self.disabled))}"

    def idle(self, plugins: Sequence[PluginMetadata]) -> list[str]:
        """The words of `exclude` that mean none of the plugins."""
        return [term.text for term in self.exclude if not any(term.matches(plugin) for plugin in plugins)]


def term(text: str) -> Term:
    """One word of a selection. Raises `ConfigError` for a trait or a severity that there is not."""
    trait, mark, pattern = text.partition(":")
    if not mark:
        trait, pattern = "id", text
    if not pattern:
        raise ConfigError(f"has {text!r}: the name of a plugin, or what follows the ':', is missing")
    traits: tuple[Trait, ...] = get_args(Trait)
    for known in traits:
        if trait.lower() == known:
            severities = [severity.value for severity in Severity]
            if known == "severity" and pattern.lower() not in severities:
                raise ConfigError(f"has {text!r}: a severity is one of {', '.join(severities)}")
            return Term(known, pattern.lower(), text)
    raise ConfigError(f"has {text!r}: write an id, or one of {', '.join(f'{name}:…' for name in traits)}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?`, or what there is when nothing is like the name."""
    names = sorted(known)
    found = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {found[0]}?" if found else f"; there is {_listed(names)}"


def _advice(missed: Term, plugins: Sequence[PluginMetadata]) -> str:
    known = _all(missed.trait, plugins)
    if not known:
        return f": no plugin has a {missed.trait}"
    return did_you_mean(missed.pattern, known)


def _all(trait: Trait, plugins: Sequence[PluginMetadata]) -> list[str]:
    every = Term(trait, "*", "")
    return sorted({value for plugin in plugins for value in every._values(plugin)})


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
