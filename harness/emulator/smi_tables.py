"""What npu-smi prints, from the chips' state: the table, its processes, lists of ids, and blocks of `key : value`."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from harness.emulator.devices import MIB, Chip, Devices

INNER = 104
"""Characters between the outer rules of the table."""
LEFT, MIDDLE, RIGHT = 31, 17, 54
KEY = 31
MCU = "Mcu"
CARD_POWER_W = 42.8
"""What the controller of an idle 300I Duo measures, whose chips measure nothing."""


def table(devices: Devices, version: str) -> str:
    """Return the table of `npu-smi info`: two rows per chip, then the processes by NPU."""
    chips = devices.chips()
    hbm = bool(chips) and all(chip.hbm for chip in chips)
    lines = [
        _rule("-", INNER),
        f"| {f'npu-smi {version}':<49}{f'Version: {version}':<{INNER - 50}}|",
        _rule("-"),
        _row("NPU     Name", "Health", "Power(W)     Temp(C)           Hugepages-Usage(page)"),
        _row(*(("Chip", "Bus-Id") if hbm else ("Chip    Device", "Bus-Id")), _memory_heads(hbm)),
        _rule("="),
    ]
    for position, chip in enumerate(chips):
        last = position + 1 == len(chips) or chips[position + 1].npu_id != chip.npu_id
        lines += [*_chip_rows(devices, chip, hbm), _rule("=" if last else "-")]
    lines += [_rule("-"), _process_row("NPU     Chip", "Process id", "Process name", "Process memory(MB)"), _rule("=")]
    for npu_id in dict.fromkeys(chip.npu_id for chip in chips):
        lines += [*_processes(devices, [chip for chip in chips if chip.npu_id == npu_id]), _rule("=")]
    return _text(lines)


def listing(chips: Sequence[Chip]) -> str:
    """Return `npu-smi info -l`: how many NPUs, and the id and chip count of each."""
    ids = list(dict.fromkeys(chip.npu_id for chip in chips))
    blocks = [_pairs({"Total Count": len(ids)})]
    counts = Counter(chip.npu_id for chip in chips)
    blocks.extend(_pairs({"NPU ID": npu_id, "Chip Count": counts[npu_id]}) for npu_id in ids)
    return "\n".join(blocks)


def mapping(chips: Sequence[Chip]) -> str:
    """Return `npu-smi info -m`: the id that a runtime uses (the logic id) of each chip, and each NPU's controller."""
    rows = [("NPU ID", "Chip ID", "Chip Logic ID", "Chip Name")]
    for npu_id in dict.fromkeys(chip.npu_id for chip in chips):
        own = [chip for chip in chips if chip.npu_id == npu_id]
        rows += [
            (str(npu_id), str(chip.chip_id), str(chip.id), chip.soc_version.replace("Ascend", "Ascend "))
            for chip in own
        ]
        rows.append((str(npu_id), str(len(own)), "-", MCU))
    return _text(["".join(f"{cell:<31}" for cell in row).rstrip() for row in rows])


def topic(name: str, devices: Devices, chips: Sequence[Chip], count: int, one: bool) -> str:
    """Return `npu-smi info -t NAME` of some chips of an NPU, `count` in all; `one` is a single chip's form."""
    head = {"NPU ID": chips[0].npu_id} if one or name == "board" else {"NPU ID": chips[0].npu_id, "Chip Count": count}
    blocks = [_pairs(head)]
    for chip in chips:
        values = dict(TOPICS[name](devices, chip))
        # Which side of its block a chip's id stands on depends on the topic.
        first = name in ("common", "board")
        blocks.append(_pairs({"Chip ID": chip.chip_id, **values} if first else {**values, "Chip ID": chip.chip_id}))
    if name in ("common", "power") and not one:
        blocks.append(_pairs(_controller(name, chips[0])))
    return "\n".join(blocks)


def _usages(devices: Devices, chip: Chip) -> Mapping[str, object]:
    rate = 100 * devices.used_mib(chip.id) // chip.total_mib
    return {
        "DDR Capacity(MB)": 0 if chip.hbm else chip.total_mib,
        "DDR Usage Rate(%)": 0 if chip.hbm else rate,
        "DDR Hugepages Total(page)": 0,
        "DDR Hugepages Usage Rate(%)": 0,
        **({"HBM Capacity(MB)": chip.total_mib, "HBM Usage Rate(%)": rate} if chip.hbm else {}),
        "Aicore Usage Rate(%)": devices.aicore_percent(chip.id),
        "Aicpu Usage Rate(%)": 0,
        "Ctrlcpu Usage Rate(%)": 0,
        "DDR Bandwidth Usage Rate(%)": 0,
    }


def _memory(_devices: Devices, chip: Chip) -> Mapping[str, object]:
    kind = "HBM" if chip.hbm else "DDR"
    return {f"{kind} Capacity(MB)": chip.total_mib, f"{kind} Clock Speed(MHz)": 1600}


def _common(devices: Devices, chip: Chip) -> Mapping[str, object]:
    kind = "HBM" if chip.hbm else "Memory"
    values: dict[str, object] = {
        f"{kind} Usage Rate(%)": 100 * devices.used_mib(chip.id) // chip.total_mib,
        "Aicore Usage Rate(%)": devices.aicore_percent(chip.id),
        "Temperature(C)": chip.temperature_c,
    }
    return values | ({"NPU Real-time Power(W)": chip.power_w} if chip.hbm else {})


def _board(devices: Devices, chip: Chip) -> Mapping[str, object]:
    return {
        "Chip Type": "Ascend",
        "Chip Name": chip.name,
        "Bus ID": chip.bus_id,
        "Health": devices.health(chip.id),
    }


def _power(_devices: Devices, chip: Chip) -> Mapping[str, object]:
    return {"Power Dissipation(W)": chip.power_w if chip.power_w >= 0 else "NA"}


TOPICS: Mapping[str, Callable[[Devices, Chip], Mapping[str, object]]] = {
    "usages": _usages,
    "memory": _memory,
    "common": _common,
    "board": _board,
    "power": _power,
}


def _controller(name: str, chip: Chip) -> Mapping[str, object]:
    """Return the block of an NPU's controller, which belongs to no chip: on inference cards it measures the power."""
    power_w = chip.power_w if chip.power_w >= 0 else CARD_POWER_W
    power = {"NPU Real-time Power(W)": power_w} if name == "common" and not chip.hbm else {}
    return {"Chip Name": MCU.lower(), "Temperature(C)": chip.temperature_c, **power}


def _memory_heads(hbm: bool) -> str:
    return "AICore(%)    Memory-Usage(MB)" + ("  HBM-Usage(MB)" if hbm else "")


def _chip_rows(devices: Devices, chip: Chip, hbm: bool) -> tuple[str, str]:
    power = f"{chip.power_w}" if chip.power_w >= 0 else "NA"
    used = f"{devices.used_mib(chip.id):<4} / {chip.total_mib}"
    aicore = f"{devices.aicore_percent(chip.id):<13}"
    first = f"{power:<13}{chip.temperature_c:<18}{'0    / 0'}"
    second = f"{aicore}{'0    / 0':<18}{used}" if hbm else f"{aicore}{used}"
    ids = f"{chip.chip_id}" if hbm else f"{chip.chip_id:<8}{chip.id}"
    return (
        _row(f"{chip.npu_id:<8}{chip.name}", devices.health(chip.id), first),
        _row(ids, chip.bus_id, second),
    )


def _processes(devices: Devices, chips: Sequence[Chip]) -> Iterator[str]:
    rows = [(chip, holder) for chip in chips for holder in devices.holders(chip.id)]
    for chip, holder in rows:
        ids = f"{chip.npu_id:<8}{chip.chip_id}"
        yield _process_row(ids, str(holder.pid), holder.name, str(-(-holder.nbytes // MIB)))
    if not rows:
        yield f"| {f'No running processes found in NPU {chips[0].npu_id}':<{INNER - 2}} |"


def _rule(mark: str, whole: int = 0) -> str:
    return f"+{mark * whole}+" if whole else f"+{mark * LEFT}+{mark * MIDDLE}+{mark * RIGHT}+"


def _row(left: str, middle: str, right: str) -> str:
    return f"| {left:<{LEFT - 1}}| {middle:<{MIDDLE - 1}}| {right:<{RIGHT - 1}}|"


def _process_row(left: str, pid: str, name: str, memory: str) -> str:
    return f"| {left:<{LEFT - 1}}| {pid:<{MIDDLE - 1}}| {name:<25}| {memory:<{RIGHT - 28}}|"


def _pairs(values: Mapping[str, object]) -> str:
    return _text([f"\t{key:<{KEY}}: {value}" for key, value in values.items()])


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
