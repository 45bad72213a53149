"""Parity: every kept output of the artifact against the source framework, on a few fixed inputs."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness import needs, sidecar
from harness.artifacts import Recipe
from harness.cards import ModelCard, TensorSpec
from harness.checks.detections import aligned
from harness.digests import code_version
from harness.results import Case, OutputParity, Repeat
from harness.samples import Array, Sample
from harness.stream import answered
from harness.workbench import Workbench

RUN_BY = Path(__file__).parent.parent / "runtimes"
MOST_INPUTS = 8
# Reference outputs are kept in the store: full-size segmentation logits are 160 MB an image.
REFERENCE_BYTES = 192 * 2**20
# Two full-size frameworks take seconds an image on a CPU: fewer inputs where one input is large.
INPUT_VALUES = 4 * 2**20
INPUT_SEED = 20201120
Row = tuple[Array, ...]
"""One sample's outputs."""


def measure(case: Case, bench: Workbench) -> dict[str, Any]:
    """Compare the case's artifact with the framework's own outputs, output by output.

    A card without a data set has no accuracy that tells whether a second run answers the same: here it is seen.
    """
    card = bench.card(case)
    artifact = bench.artifact(case)
    samples = fixed_inputs(bench.fed(case), bench)
    reference = reference_outputs(case, bench, _as_the_network_takes_them(case, bench, samples))
    with bench.open(case, artifact) as session:
        outputs = [answer.arrays for answer in answered(session, samples)]
        again = [answer.arrays for answer in answered(session, samples)] if card.dataset.kind == "none" else None
    aligned_outputs = _aligned(card, outputs, reference)
    return {
        "parity": compared(card, aligned_outputs, reference),
        "repeat": None if again is None else repeated(samples, outputs, again),
        "samples": None,
        "worst": _worst(samples, aligned_outputs, reference),
    }


def outputs_of(case: Case, bench: Workbench, samples: list[Sample]) -> list[Row]:
    """Return what the case's artifact answers to each sample."""
    with bench.open(case, bench.artifact(case)) as session:
        return [answer.arrays for answer in answered(session, samples)]


def compared(card: ModelCard, outputs: list[Row], reference: list[Row]) -> tuple[OutputParity, ...]:
    """Return how far each kept output is from the reference's, over all samples."""
    return tuple(
        compare(spec.name, [arrays[position] for arrays in outputs], [row[position] for row in reference])
        for position, spec in enumerate(card.kept_outputs)
    )


def repeated(samples: list[Sample], outputs: list[Row], again: list[Row]) -> Repeat:
    """Return how many samples gave the very same outputs twice; NaN is the same as NaN."""
    differing = [
        sample.id
        for sample, first, second in zip(samples, outputs, again, strict=True)
        if not all(_same(a, b) for a, b in zip(first, second, strict=True))
    ]
    return Repeat(n=len(samples), equal=len(samples) - len(differing), differing=tuple(differing[:5]))


def _same(first: Array, second: Array) -> bool:
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def _aligned(card: ModelCard, outputs: list[Row], reference: list[Row]) -> list[Row]:
    return [aligned(card, got, expected) for got, expected in zip(outputs, reference, strict=True)]


def _as_the_network_takes_them(case: Case, bench: Workbench, samples: list[Sample]) -> list[Sample]:
    """Return the inputs for the reference: the same, or where AIPP feeds pictures the same pictures, preprocessed."""
    card = bench.card(case)
    if not bench.has_aipp(case):
        return samples
    missing = needs.data(card, bench.places)
    if missing is not None:  # noise has no picture that both could take
        raise missing
    return [bench.feed(card).sample(sample.id) for sample in samples]


def fixed_inputs(card: ModelCard, bench: Workbench) -> list[Sample]:
    """Return up to 8 inputs: the first pictures of the card's data set, or seeded noise where there is no data."""
    row_bytes = sum(4 * int(np.prod(spec.at(1))) for spec in card.kept_outputs)
    input_values = sum(int(np.prod(spec.at(1))) for spec in card.input)
    count = max(1, min(MOST_INPUTS, REFERENCE_BYTES // row_bytes, INPUT_VALUES // input_values))
    if needs.data(card, bench.places) is None:
        feed = bench.feed(card, count)
        return [feed.sample(sample_id) for sample_id in feed.ids]
    return [_noise(card, index) for index in range(count)]


def _noise(card: ModelCard, index: int) -> Sample:
    generator = np.random.Generator(np.random.PCG64([INPUT_SEED, index]))
    return Sample(f"noise-{index}", tuple(_values(generator, spec) for spec in card.input))


def _values(generator: np.random.Generator, spec: TensorSpec) -> Array:
    shape = spec.at(1)[1:]
    if spec.dtype == "uint8":
        return generator.integers(0, 256, shape, np.uint8)
    if spec.dtype.startswith("int"):  # indices and masks: 0 and 1 are valid in every table
        return generator.integers(0, 2, shape, spec.dtype)
    return np.asarray(generator.standard_normal(shape), spec.dtype)


def compare(name: str, got: list[Array], expected: list[Array]) -> OutputParity:
    """Return cosine and max|a−b| / max|b| of one output over all inputs, in float64.

    A shape that differs, NaN and infinities give cosine 0 and are marked as not finite.
    """
    dot = norm_got = norm_expected = worst = largest = 0.0
    for mine, theirs in zip(got, expected, strict=True):
        if mine.shape != theirs.shape or not (np.isfinite(mine).all() and np.isfinite(theirs).all()):
            return OutputParity(output=name, cosine=0.0, max_rel=1e300, finite=False)
        a, b = mine.astype(np.float64).ravel(), theirs.astype(np.float64).ravel()
        dot += float(a @ b)
        norm_got += float(a @ a)
        norm_expected += float(b @ b)
        worst, largest = max(worst, float(np.abs(a - b).max())), max(largest, float(np.abs(b).max()))
    if norm_got == 0.0 or norm_expected == 0.0:
        same = norm_got == norm_expected
        return OutputParity(output=name, cosine=1.0 if same else 0.0, max_rel=0.0 if same else 1e300)
    cosine = dot / (norm_got**0.5 * norm_expected**0.5)
    return OutputParity(output=name, cosine=float(cosine), max_rel=worst / largest)


def reference_outputs(case: Case, bench: Workbench, samples: list[Sample]) -> list[tuple[Array, ...]]:
    """Return the framework's outputs for the fixed inputs, computed once and kept in the store."""
    reference = bench.reference(case)
    artifact = bench.artifact(reference)
    recipe = Recipe(
        kind="reference-outputs",
        producer=reference.runtime,
        version=code_version(*RUN_BY.glob("*.py")),
        inputs={"artifact": artifact.digest, "samples": _samples_digest(samples)},
        arguments={"outputs": [spec.index for spec in bench.card(case).kept_outputs]},
    )

    def build(path: Path) -> None:
        with bench.open(reference, artifact) as session:
            rows = [answer.arrays for answer in answered(session, samples)]
        named = {f"{row}/{column}": array for row, arrays in enumerate(rows) for column, array in enumerate(arrays)}
        sidecar.write(path, named, compress=False)

    entry = bench.builder.store.get_or_build(recipe, "outputs.npz", build)
    stored = sidecar.read(entry.path)
    columns = range(len(bench.card(case).kept_outputs))
    return [tuple(stored[f"{row}/{column}"] for column in columns) for row in range(len(samples))]


def _samples_digest(samples: list[Sample]) -> str:
    digest = hashlib.sha256()
    for array in _arrays(samples):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _arrays(samples: list[Sample]) -> Iterator[Array]:
    for sample in samples:
        yield from sample.arrays


def _worst(
    samples: list[Sample], outputs: list[tuple[Array, ...]], reference: list[tuple[Array, ...]]
) -> tuple[str, ...]:
    """Return the ids of the inputs whose outputs differ most, worst first."""

    def distance(row: int) -> float:
        pairs = zip(outputs[row], reference[row], strict=True)
        return max(float(np.abs(a - b).max()) if a.shape == b.shape else np.inf for a, b in pairs)

    order = sorted(range(len(samples)), key=distance, reverse=True)
    return tuple(samples[row].id for row in order[:3])
