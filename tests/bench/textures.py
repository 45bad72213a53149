"""Data sets in their real layouts, with pictures that cost a decoder what photographs cost it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

# Feature sizes in pixels and their strengths: shapes, surfaces, and the grain that makes files as large as real ones
# (about 90 KB for a 500 × 375 JPEG, 3 MB for a 2048 × 1024 PNG).
OCTAVES = ((64, 60), (16, 30), (4, 12), (1, 2.5))
LABEL_BLOCK = 32


def write_imagenet(root: Path, count: int) -> Path:
    """Write `val/` with 500 × 375 JPEG files and `val_label.txt`; return the root."""
    rng = np.random.default_rng(1)
    folder = root / "val"
    folder.mkdir(parents=True)
    names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, count + 1)]
    for name in names:
        Image.fromarray(texture(rng, 375, 500)).save(folder / name, quality=97)
    lines = [f"{name} {number % 1000}\n" for number, name in enumerate(names)]
    (root / "val_label.txt").write_text("".join(lines), encoding="utf-8")
    return root


def write_cityscapes(root: Path, count: int) -> Path:
    """Write 2048 × 1024 pictures and labels of one city, ids from 0 to 33; return the root."""
    rng = np.random.default_rng(2)
    pictures, labels = root / "leftImg8bit" / "val" / "town", root / "gtFine" / "val" / "town"
    pictures.mkdir(parents=True)
    labels.mkdir(parents=True)
    for number in range(count):
        name = f"town_{number:06d}_000019"
        Image.fromarray(texture(rng, 1024, 2048)).save(pictures / f"{name}_leftImg8bit.png")
        ids = rng.integers(0, 34, (1024 // LABEL_BLOCK, 2048 // LABEL_BLOCK), dtype=np.uint8)
        Image.fromarray(ids.repeat(LABEL_BLOCK, 0).repeat(LABEL_BLOCK, 1)).save(labels / f"{name}_gtFine_labelIds.png")
    return root


def texture(rng: np.random.Generator, height: int, width: int) -> npt.NDArray[np.uint8]:
    """Return smoothed noise of several octaves, height × width × 3."""
    total = np.full((height, width, 3), 128, np.float32)
    for size, strength in OCTAVES:
        coarse = rng.standard_normal((3, height // size + 1, width // size + 1), dtype=np.float32)
        planes = [Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC) for plane in coarse]
        total += strength * np.dstack([np.asarray(plane) for plane in planes])
    return total.clip(0, 255).astype(np.uint8)
