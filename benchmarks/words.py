"""A report's facts and quotients in words, the same in Markdown and HTML. Pure."""

from __future__ import annotations

from isoscan.bench.figures import plural, seconds, size

from .figures import best
from .records import Cell, ContenderRecord, LatencyRecord, Report, Spread, WorkloadRecord


def facts(report: Report) -> str:
    """When, where and how long, in one line."""
    machine = report.machine
    load = f", load {machine.load_average:.1f} at the start" if machine.load_average is not None else ""
    known = [f"{name} {version}" for name, version in machine.versions.items()]
    known += [record.version for record in report.contenders if record.kind == "peer" and record.version]
    versions = ", ".join(dict.fromkeys(known))
    return (
        f"{report.started_at}, {plural(machine.cpus, 'CPU')} ({machine.cpu_model}), "
        f"{size(machine.memory_bytes)}, {machine.system}{load}. {versions}. "
        f"{plural(report.rounds, 'round')} of {report.round_s:g} s each, {seconds(report.duration_s)} in all."
    )


def about(workload: WorkloadRecord) -> str:
    """What a workload is, in one sentence."""
    if not workload.plugins:
        return workload.about
    return (
        f"{workload.about[0].upper()}{workload.about[1:]}: {plural(workload.plugins, 'plugin')}, "
        f"{plural(workload.transactions, 'different transaction')}, {plural(workload.findings, 'finding')} "
        "in one pass."
    )


def verdicts(workload: WorkloadRecord, people: dict[str, ContenderRecord]) -> list[str]:
    """The comparison in words: isoscan's best with one executor and on all cores, and the best peer."""
    lines = []
    ours = [cell for cell in workload.cells if people[cell.contender].kind == "ours"]
    for cores, name in (("one", "one executor"), ("all", "all cores")):
        mine = best([cell for cell in ours if people[cell.contender].cores == cores])
        if mine is not None and mine.to_limit is not None:
            lines.append(f"isoscan, {name}: {ratio(mine.to_limit)} of the limit")
    fastest = best([cell for cell in ours if people[cell.contender].cores == "all"])
    title = people[fastest.contender].title if fastest is not None else "isoscan, all cores"
    peers = [cell for cell in workload.cells if people[cell.contender].kind == "peer"]
    first = best(peers)
    alone = best([cell for cell in peers if not people[cell.contender].is_shared])
    for peer, what in ((first, "the fastest peer"), (alone, "the fastest peer with an isolate per plugin")):
        if peer is None or peer.ours_times is None or (peer is alone and alone is first and "with" in what):
            continue
        if workload.plugins < 2 and "with" in what:
            continue
        lines.append(
            f"{title}, is {ratio(peer.ours_times)} times as fast as {what}, {people[peer.contender].title}"
        )
    return lines


def note(cell: Cell | LatencyRecord) -> str:
    """What there is to say of a cell beside its figures."""
    if cell.state == "measured":
        return cell.detail
    return (
        cell.detail
        if cell.detail.startswith(cell.state)
        else ": ".join(filter(None, (cell.state, cell.detail)))
    )


def ratio(value: Spread | None) -> str:
    """A quotient with its range, as many digits as it deserves."""
    if value is None:
        return ""

    def text(number: float) -> str:
        return f"{number:.2f}" if number < 9.95 else f"{number:,.0f}"

    if value.rounds == 1:
        return text(value.median)
    return f"{text(value.median)} ({text(value.low)}-{text(value.high)})"
