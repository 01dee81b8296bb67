"""The command as its users meet it: a process, files, exit codes."""

import pytest

pytest.register_assert_rewrite("acceptance._command")
