"""The files in which CANN and the driver keep their versions."""

import re
from dataclasses import dataclass

from harness.ascend.console import lines, unnumbered

_CANN = re.compile(r"^(\w{1,60})_(running|upgrade|installed)_version=(.+)$")
_PAIR = re.compile(r"\[([^:\]\s]{1,80}):([^\]\s]{1,80})\]")
_PAIRS = re.compile(r"^([A-Za-z]\w{0,60})\s{0,4}=\s{0,4}(.+)$")
ORDER = ("toolkit", "runtime", "compiler")
"""The packages of CANN to ask first: a host that only runs models has no toolkit."""


@dataclass(frozen=True)
class Toolkit:
    """What `ascend_toolkit_install.info` says; what it does not say is empty."""

    package: str = ""
    version: str = ""
    inner_version: str = ""
    arch: str = ""
    os: str = ""
    path: str = ""


def cann_version(text: str) -> str:
    """Return CANN's version (`8.0.RC3`) from `version.cfg`, or an empty string.

    The running version counts, then the installed and the upgraded one; of several in one entry the last.
    """
    found: dict[tuple[str, str], str] = {}
    for line in lines(text):
        hit = _CANN.match(unnumbered(line).strip())
        pairs = _PAIR.findall(hit.group(3)) if hit else []
        if hit and pairs:
            found[(hit.group(2), hit.group(1))] = pairs[-1][1]
    for state in ("running", "installed", "upgrade"):
        packages = [package for kept, package in found if kept == state]
        for package in (*ORDER, *packages):
            if package in packages:
                return found[(state, package)]
    return ""


def toolkit_info(text: str) -> Toolkit:
    """Return what `ascend_toolkit_install.info` says."""
    pairs = _key_values(text)
    return Toolkit(
        package=pairs.get("package_name", ""),
        version=pairs.get("version", ""),
        inner_version=pairs.get("innerversion", ""),
        arch=pairs.get("arch", ""),
        os=pairs.get("os", ""),
        path=pairs.get("path", ""),
    )


def driver_version(text: str) -> str:
    """Return the driver's version from its `version.info` (`Version=`, else `package_version=`), or an empty string."""
    pairs = _key_values(text)
    return pairs.get("version", "") or pairs.get("package_version", "")


def _key_values(text: str) -> dict[str, str]:
    """Return `key=value` lines with keys in lower case; the first of a key counts, `cat -n` numbers are dropped."""
    found: dict[str, str] = {}
    for line in lines(text):
        hit = _PAIRS.match(unnumbered(line).strip())
        if hit:
            found.setdefault(hit.group(1).lower(), hit.group(2).strip())
    return found
