"""Results that tools and scripts print: evaluation JSON, msame's averages, IoUs of classes, tables without bars."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.readme.document import Line
from harness.readme.grid import Cell, Grid, rectangular
from harness.readme.labels import Labels
from harness.readme.rows import Row, Where
from harness.readme.surroundings import Commands
from harness.readme.vocabulary import fold

# The evaluation scripts of the classification models print {"key": "Top1 accuracy", "value": "69.74%"}, as JSON or
# as Python's own dictionary.
KEY_VALUE = re.compile(
    r"([\"'])key\1\s?:\s?\1([^\"']{1,60})\1\s?,\s?\1value\1\s?:\s?(?:\1(?=[^\"']{1,24}\1))?(\d{1,9}(?:\.\d+)?)(%?)(?![\d.])"
)
# pycocotools' COCOeval.summarize(): Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.374
COCO = re.compile(
    r"\((A[PR])\)\s*@\[\s*IoU=(0\.\d\d(?::0\.\d\d)?)\s*\|\s*area=\s*(all|small|medium|large)\s*\|"
    r"\s*maxDets=\s*(\d{1,4})\s*\]\s*=\s*(\d\.\d+)"
)
# What evaluation scripts print as a dictionary: {'top1_acc': 0.81, 'top5_acc': 0.95}
SCORE = re.compile(r"\s?([\"'])([^\"':]{1,40})\1\s?:\s?(\d{1,9}\.\d{1,20})\s?(?:,|(?=\}))")
COCO_NAMES = {"0.50:0.95": "", "0.50": "50", "0.75": "75"}
AVERAGE = re.compile(
    r"inference average time( without first time)?\s?[:=]\s?(\d{1,9}(?:\.\d+)?)\s?ms", re.IGNORECASE | re.ASCII
)
# msame prints the time of every run, too.
ONE_RUN = re.compile(r"^\s*inference time\s?:\s?[\d.]+\s?ms\s*$", re.IGNORECASE)
_FLOAT = re.compile(r"(?<!\d)\d{1,9}\.\d+(?:e[-+]?\d{1,2}(?!\d))?")
SUMMARY = re.compile(r"miou\s*[:=]\s*(\d{1,9}\.\d+)((?:\s+\d{1,9}\.\d+){4})\s*$", re.IGNORECASE | re.ASCII)
# The order in which the usual confusion-matrix class prints (jfzhang95/pytorch-deeplab-xception, utils/metrics.py).
_SUMMARY_METRICS = ("pixacc", "meanacc", "miou", "fwiou")
# The classes of Cityscapes in the order of their train ids (cityscapesScripts, helpers/labels.py).
CITYSCAPES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
MOST_CLASSES = 200
LONGEST_SCORES = 600
_FRACTION = re.compile(r"\d\.\d")
_WORD = re.compile(r"[^\W\d_]")
_GAP = re.compile(r"\s{2,}|\t")
CHECKPOINT = re.compile(r"(?<![\w.])([A-Za-z][\w-]{0,80}_(0\.\d{3,6})_[\w.-]{0,60}\.(?:pth|pt|ckpt|pkl|h5|tar))(?!\w)")


@dataclass(frozen=True)
class Average:
    """msame's average time of a run, in ms; `without_first` leaves the first run out."""

    value: float
    without_first: bool


def average_time(text: str) -> Average | None:
    """Return msame's average of a line, or None."""
    match = AVERAGE.search(text) if "average" in text.lower() else None
    return Average(float(match[2]), bool(match[1])) if match else None


def evaluation(line: Line, labels: Labels) -> Iterator[Row]:
    """Yield the metrics of an evaluation script's line of JSON, and of COCO's summary."""
    for _, key, number, percent in KEY_VALUE.findall(line.text) if "key" in line.text else ():
        metrics = labels.read(key).metrics
        if metrics:
            yield _row(line, metrics[0], float(number), "%" if percent else "")
    if "IoU=" in line.text:
        yield from _coco(line)
    yield from _scores(line, labels)


def _scores(line: Line, labels: Labels) -> Iterator[Row]:
    """Yield the scores of a line that is a dictionary of metrics and nothing else."""
    text = line.text.strip()
    if not text.startswith("{") or len(text) > LONGEST_SCORES or SCORE.sub("", text) != "{}":
        return
    named = [(labels.read(key).metrics, float(number)) for _, key, number in SCORE.findall(text)]
    for (metric,), value in named if all(len(metrics) == 1 for metrics, _ in named) else ():
        row = _row(line, metric, value)
        yield row.model_copy(update={"unit": ""}) if metric in labels.words.unbounded else row


def _coco(line: Line) -> Iterator[Row]:
    """Yield the score of a line of COCO's summary; of a log, which has all of them, only those of all sizes' AP."""
    for short, ious, area, most, number in COCO.findall(line.text):
        conditions = [f"area={area}" if area != "all" else "", f"maxDets={most}" if most != "100" else ""]
        condition = ", ".join(filter(None, conditions))
        if ious not in COCO_NAMES or (line.code and (short == "AR" or condition)):
            continue
        name = f"{short.lower()}{COCO_NAMES[ious]}"
        yield _row(line, name, float(number)).model_copy(update={"condition": condition})


def averages(line: Line, commands: Commands) -> Iterator[Row]:
    """Yield msame's average time of a line of its log."""
    found = average_time(fold(line.text))
    if found and found.value > 0:
        yield Row(
            kind="latency",
            metric="latency",
            value=found.value,
            unit="ms",
            chip=commands.chip,
            batch=commands.batch,
            definition="msame",
            condition=f"average {'without' if found.without_first else 'with'} the first image",
            where=Where(line=line.number, text=line.text.strip()),
        )


def segmentation(lines: Sequence[Line], i: int, commands: Commands) -> Iterator[Row]:
    """Yield what a segmentation script prints: mIoU with four more scores, and above it the IoU of each class."""
    match = SUMMARY.search(lines[i].text) if "iou" in lines[i].text.lower() else None
    if not match:
        return
    scores = match[2].split()
    if abs(float(scores[2]) - float(match[1])) > 5e-6 * max(1.0, float(match[1])):
        return
    ran = {"chip": commands.chip, "batch": commands.batch}
    for metric, number in zip(_SUMMARY_METRICS, scores, strict=True):
        condition = "as the log prints it" if metric == "miou" else ""
        yield _row(lines[i], metric, float(number)).model_copy(update={**ran, "condition": condition})
    classes = _array_above(lines, i)
    cityscapes = len(classes) == len(CITYSCAPES) and any("cityscape" in line.text.lower() for line in lines)
    for k, (line, number) in enumerate(classes):
        cls = CITYSCAPES[k] if cityscapes else str(k)
        yield _row(line, "iou", float(number)).model_copy(update={**ran, "cls": cls})


def _array_above(lines: Sequence[Line], i: int) -> list[tuple[Line, str]]:
    """Return the numbers of the array in brackets that ends on the line above, each with its line."""
    found: list[tuple[Line, str]] = []
    if i == 0 or not lines[i - 1].text.rstrip().endswith("]"):
        return []
    for line in reversed(lines[max(0, i - 60) : i]):
        found = [(line, number) for number in _FLOAT.findall(line.text)] + found
        if "[" in line.text:
            return found if 1 < len(found) <= MOST_CLASSES else []
    return []


def _row(line: Line, metric: str, value: float, unit: str = "") -> Row:
    unit = unit or ("fraction" if 0 <= value <= 1 else "%" if value <= 100 else "")
    where = Where(line=line.number, text=line.text.strip())
    return Row(kind="accuracy", metric=metric, value=value, unit=unit, where=where)


def bare_table(lines: Sequence[Line], i: int, labels: Labels) -> Grid | None:
    """Return the table without bars that begins with a line of metrics: columns parted by two blanks or a tab.

    One metric is enough where the first column is that of models or batches. An indented line may leave out the
    first name.
    """
    headers = _GAP.split(lines[i].text.strip())
    if _is_nameless(headers, lines[i : i + 2]):
        headers = ["", *headers]
    if len(headers) < 2 or len(headers) > 12 or _FRACTION.search(lines[i].text):
        return None
    text = fold(lines[i].text)
    if not (labels.words.metrics.has(text) or labels.words.kinds.has(text)):
        return None
    by_batch = not headers[0] and labels.read(_GAP.split(lines[i + 1].text.strip())[0]).batch
    alone = labels.words.parts.whole(headers[0]) == "model" or by_batch
    if sum(labels.read(one).kind == "accuracy" for one in headers) < (1 if alone else 2):
        return None
    rows = [headers]
    for line in lines[i + 1 : i + 40]:
        cells = _GAP.split(line.text.strip())
        if len(cells) != len(headers) or not _FLOAT.search(line.text):
            break
        rows.append(cells)
    numbered = [[Cell(cell, lines[i + k].number) for cell in row] for k, row in enumerate(rows)]
    return rectangular(numbered, 1, fenced=lines[i].code)


def _is_nameless(headers: Sequence[str], lines: Sequence[Line]) -> bool:
    """Tell whether the row below an indented header has one cell more, and words in the first."""
    if len(lines) < 2 or not lines[0].text[:1].isspace():
        return False
    cells = _GAP.split(lines[1].text.strip())
    return len(cells) == len(headers) + 1 and _WORD.match(cells[0]) is not None and bool(_FLOAT.search(cells[1]))


def checkpoints(lines: Sequence[str]) -> Iterator[tuple[int, str, float]]:
    """Yield file names of weights that hold a score, as `..._0.687_best_model.pth`: line, name and score."""
    seen: set[str] = set()
    for i, line in enumerate(lines):
        for match in CHECKPOINT.finditer(line) if "best" in line.lower() and len(line) < 2000 else ():
            if match[1] not in seen and "best" in match[1].lower():
                seen.add(match[1])
                yield i + 1, match[1], float(match[2])
