"""--input_shape and the profiles of dynamic axes: read, checked against each other, and laid over a model's inputs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.emulator.atc_errors import AtcError
from harness.emulator.om import Gears

Shape = tuple[int, ...]
SAMPLE = "input_name1:n1,c1,h1,w1;input_name2:n2,c2,h2,w2"
FEWEST, MOST = 2, 100
"""Profiles that ATC takes: a single one fails."""
SPATIAL = {"NCHW": (2, 3), "NHWC": (1, 2), "": (2, 3)}


@dataclass(frozen=True)
class Shapes:
    """The shapes of --input_shape by name, in order, -1 on geared axes, and the profiles of those axes."""

    asked: Mapping[str, Shape]
    gears: Gears

    def largest(self) -> dict[str, Shape]:
        """Return the asked shapes at the largest profile: the largest product."""
        if not self.gears.kind:
            return dict(self.asked)

        def volume(profile: Shape) -> int:
            product = 1
            for size in profile:
                product *= size
            return product

        return self.at(max(self.gears.profiles, key=volume))

    def at(self, profile: Shape) -> dict[str, Shape]:
        """Return the asked shapes at a profile: its sizes fill the -1 axes, in order.

        A batch or an image size is one for all inputs; `dims` has a size for each -1 axis of all inputs.
        """
        sizes = iter(profile)
        found = {}
        for name, shape in self.asked.items():
            if self.gears.kind != "dims":
                sizes = iter(profile)
            found[name] = tuple(next(sizes) if size == -1 else size for size in shape)
        return found


def read(flags: Mapping[str, str]) -> Shapes:
    """Return the shapes and profiles of a command line; raises AtcError where they contradict each other."""
    asked = parse(flags["input_shape"])
    gears = _gears(flags)
    if not gears.kind:
        for name, shape in asked.items():
            if -1 in shape:  # from CANN 7 on such an OM takes any shape; that is not emulated
                raise AtcError("E10011", f"{name}:{','.join(map(str, shape))}", -1)
        return Shapes(asked, gears)
    AXES[gears.kind](asked, gears, flags["input_format"])
    return Shapes(asked, gears)


def parse(text: str) -> dict[str, Shape]:
    """Return the shapes of `name:n,c,h,w;name2:...`; blanks around parts are tolerated.

    Raises AtcError E10002 for another grammar and E10011 for a size that is neither positive nor -1.
    """
    found: dict[str, Shape] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, colon, sizes = part.rpartition(":")
        if not colon or not name.strip():
            raise AtcError("E10002", part, "The input name and its shape are to be separated by a colon", SAMPLE)
        found[name.strip()] = tuple(_size(word.strip(), part) for word in sizes.split(",")) if sizes.strip() else ()
        if not found[name.strip()]:
            raise AtcError("E10002", part, "The shape is empty", SAMPLE)
    return found


def _size(word: str, part: str) -> int:
    if not re.fullmatch(r"-?\d+", word, re.ASCII):
        raise AtcError("E10002", part, f"{word!r} is not an integer", SAMPLE)
    if int(word) < 1 and int(word) != -1:
        raise AtcError("E10011", part, word)
    return int(word)


def _gears(flags: Mapping[str, str]) -> Gears:
    if flags["dynamic_batch_size"]:
        text = flags["dynamic_batch_size"]
        return Gears("batch", _profiles("dynamic_batch_size", text, text.strip(",").split(",")))
    for name, kind in (("dynamic_image_size", "image"), ("dynamic_dims", "dims")):
        if flags[name]:
            return Gears(kind, _profiles(name, flags[name], flags[name].strip(";").split(";")))
    return Gears()


def _profiles(name: str, text: str, words: Sequence[str]) -> tuple[Shape, ...]:
    found = []
    for word in words:
        sizes = [size.strip() for size in word.split(",")]
        if not all(re.fullmatch(r"-?\d+", size, re.ASCII) for size in sizes):
            raise AtcError("E10014", text, name)
        found.append(tuple(map(int, sizes)))
    if name == "dynamic_image_size" and any(len(profile) != len("HW") for profile in found):
        raise AtcError("E10020", text)
    for profile in found:
        if len(profile) != len(found[0]):
            raise AtcError("E10037", len(found[0]), len(profile))
        if min(profile) < 1:
            raise AtcError("E10038", min(profile))
    if len(set(found)) != len(found):
        raise AtcError("E10039")
    if len(found) < FEWEST:
        raise AtcError("E10035", len(found), FEWEST)
    if len(found) > MOST:
        raise AtcError("E10036", len(found), MOST)
    return tuple(found)


def _check_batch(asked: Mapping[str, Shape], _gears: Gears, _layout: str) -> None:
    for name, shape in asked.items():
        if -1 in shape[1:]:
            raise AtcError("E10018", ",".join(map(str, shape)), name)
    if not any(shape[:1] == (-1,) for shape in asked.values()):
        raise AtcError("E10031")


def _check_image(asked: Mapping[str, Shape], _gears: Gears, layout: str) -> None:
    geared = [shape for shape in asked.values() if -1 in shape]
    if not geared:
        raise AtcError("E10040")
    for shape in geared:
        if tuple(axis for axis, size in enumerate(shape) if size == -1) != SPATIAL.get(layout):
            raise AtcError("E10019")


def _check_dims(asked: Mapping[str, Shape], gears: Gears, _layout: str) -> None:
    free = sum(shape.count(-1) for shape in asked.values())
    if free == 0:
        raise AtcError("E10040")
    if free != len(gears.profiles[0]):
        raise AtcError("E10046" if free < len(gears.profiles[0]) else "E10045")


AXES: Mapping[str, Callable[[Mapping[str, Shape], Gears, str], None]] = {
    "batch": _check_batch,
    "image": _check_image,
    "dims": _check_dims,
}
