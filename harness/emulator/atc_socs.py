"""The chips that ATC converts for, by the version that first had them."""

# First CANN versions are not established for all; a chip newer than a version is what that version cannot convert for.
SOCS: dict[tuple[int, int], str] = {
    (5, 0): "Ascend310 Ascend910 Ascend910A Ascend910B Ascend910ProA Ascend910ProB Ascend910PremiumA Hi3796CV300ES "
    "Hi3796CV300CS SD3403 Ascend310P1 Ascend310P2 Ascend310P3 Ascend310P4 Ascend310P5 Ascend310P7",
    (6, 0): "Ascend310B1 Ascend310B2 Ascend310B3 Ascend310B4 Ascend910B1 Ascend910B2 Ascend910B3 Ascend910B4",
    (7, 0): "Ascend910B2C Ascend910B4-1",
    (8, 0): "Ascend910_9392 Ascend910_9391 Ascend910_9382 Ascend910_9381 Ascend910_9372 Ascend910_9362",
}


def known(soc_version: str, cann: tuple[int, int]) -> bool:
    """Tell whether a CANN version has a chip of exactly that name."""
    return any(soc_version in names.split() for since, names in SOCS.items() if since <= cann)
