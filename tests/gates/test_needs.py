"""What the cards or runtimes lack on this machine is said once each, with the remedy."""

from collections.abc import Callable

from harness.selection import Lack


def test_needs(lack: Lack, report_lack: Callable[[Lack], None]) -> None:
    report_lack(lack)
