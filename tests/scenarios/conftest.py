"""Every scenario leaves nothing behind: checked once for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.watching import belongings


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """No process, descriptor, task or temporary file outlives a scenario."""
    before = belongings()
    yield
    after = belongings()
    assert after.children <= before.children, "processes are left"
    assert after.tasks <= before.tasks, "tasks are left"
    assert after.files <= before.files, "temporary files are left"
    assert after.descriptors <= before.descriptors, "descriptors are left"
