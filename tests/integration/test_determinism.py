"""A clock that stands still and seeded chance: the same scan does the same, whatever it asks."""

from __future__ import annotations

import pytest

from isoscan import ConfigError, Determinism
from support.builders import make_executor, make_transaction

#: Everything that tells the time or throws dice, as one line of text.
WORLD = """
export function scan_transaction() {
  const bytes = crypto.getRandomValues(new Uint16Array(4));
  const temporal = globalThis.Temporal;
  return { title: JSON.stringify([
    Date.now(), +new Date(), Date(), new Date().toISOString(), +new (new Date(5).constructor)(),
    performance.now(), Math.random(), Math.random(), [...bytes], crypto.randomUUID(),
    new Intl.DateTimeFormat("en", { timeZone: "UTC", year: "numeric", timeStyle: undefined }).format(),
    temporal ? temporal.Now.instant().epochMilliseconds : 0,
    temporal ? temporal.Now.plainDateISO("UTC").toString() : "",
  ]) };
}"""
MOMENT_MS = 1_700_000_000_000


async def told(*, determinism: Determinism | None, scans: int = 1) -> list[str]:
    """What the plugin saw in each scan of one executor."""
    async with make_executor(WORLD, determinism=determinism) as executor:
        found = [await executor.scan_transaction(make_transaction()) for _ in range(scans)]
        return [finding.title for (finding,) in found]


async def test_the_same_in_every_scan_and_every_process() -> None:
    """Two scans of one generation and one of another agree to the last digit."""
    world = Determinism(clock_ms=MOMENT_MS, seed=7)
    first, second = await told(determinism=world, scans=2)
    (third,) = await told(determinism=world)
    assert first == second == third
    assert str(MOMENT_MS) in first
    assert "2023" in first


async def test_another_seed_is_another_chance() -> None:
    """The seed decides."""
    (one,) = await told(determinism=Determinism(clock_ms=MOMENT_MS, seed=1))
    (other,) = await told(determinism=Determinism(clock_ms=MOMENT_MS, seed=2))
    assert one != other


async def test_without_it_the_world_goes_on() -> None:
    """Nobody who does not ask for it gets it."""
    first, second = await told(determinism=None, scans=2)
    assert first != second


async def test_given_dates_are_left_alone() -> None:
    """Only what asks for the present is answered differently."""
    code = """
export const scan_transaction = () => ({ title: [
  new Date(2020, 1, 2, 3).getHours(), new Date("2021-05-06T00:00:00Z").getTime(),
  Date.UTC(2020, 0), Date.length,
  new Date(0) instanceof Date, new Intl.DateTimeFormat("en", { timeZone: "UTC" }).format(new Date(0)),
].join(" ") });"""
    async with make_executor(code, determinism=Determinism(clock_ms=MOMENT_MS)) as executor:
        ((finding,),) = [await executor.scan_transaction(make_transaction())]
    assert finding.title == "3 1620259200000 1577836800000 7 true 1/1/1970"


@pytest.mark.parametrize("wrong", [{"clock_ms": 10**17}, {"seed": -1}, {"seed": 1 << 32}])
def test_wrong_values(wrong: dict[str, int]) -> None:
    """What JavaScript has no date for, and seeds that are none."""
    with pytest.raises(ConfigError, match="Determinism"):
        Determinism(**wrong)
