"""Handmade cards and results for the tests of the gates."""

import datetime
from pathlib import Path

from harness.cards import ModelCard
from harness.results import Case, Result

TODAY = datetime.date(2024, 3, 1)
PLACE = {"file": "zoo/readme.md", "line": 242, "text": "as printed"}
WHOLE = {"used": 100, "declared": 100, "ids_digest": "d"}
SUBSET = {"used": 100, "declared": 500, "ids_digest": "d"}


def baseline(metric="miou", value=0.689, **changes):
    row = {"chip": "Ascend310P3", "batch": 1, "metric": metric, "value": value, "role": "promise", "source": PLACE}
    return {**row, **changes}


def fps(value=100.0, **changes):
    return baseline("throughput", value, unit="images/s", **changes)


def expect(outcome="oom", **changes):
    return {"chip": "Ascend310P3", "batch": 1, "check": "any", "outcome": outcome, "source": PLACE, **changes}


def waiver(expires=TODAY, **changes):
    row = {"chip": "any", "batch": "any", "check": "accuracy", "owner": "ann", "reason": "r", "link": "l"}
    return {**row, "expires": expires, **changes}


def ratio(**changes):
    sides = {
        "numerator": {"chip": "Ascend310P3", "batch": "best", "metric": "throughput"},
        "denominator": {"chip": "Ascend310", "batch": "best", "scope": "card", "metric": "throughput"},
    }
    return {"name": "310P/310", **sides, "source": PLACE, **changes}


def card_of(*baselines, metric="miou", framework="torch", outputs=("map",), **tables):
    rows = [
        {"name": name, "index": index, "dtype": "float32", "shape": ("N", 19, 8, 8), "scored": index == 0}
        for index, name in enumerate(outputs)
    ]
    return ModelCard.model_validate(
        {
            "name": "net",
            "family": "f",
            "classes": 19,
            "source": {"url": "u", "framework": framework},
            "input": ({"name": "x", "dtype": "float32", "shape": ("N", 3, 8, 8)},),
            "output": tuple(rows),
            "dataset": {"kind": "cityscapes", "count": 100},
            "metric": {"name": metric, "protocol": "running-mean"},
            "baseline": baselines,
            "path": Path("models/net/card.toml"),
            **tables,
        }
    )


def case_of(check="accuracy", **changes):
    return Case(
        **{"model": "net", "runtime": "ais_bench", "chip": "Ascend310P3", "batch": 1, "check": check, **changes}
    )


def result_of(case=None, status="measured", **facts):
    return Result(case=case or case_of(), status=status, **facts)


def accuracy(value=0.689, samples=WHOLE, interval=None, paired=None, case=None, **facts):
    measures = (
        {"name": "miou", "protocol": "running-mean", "value": value, "n": samples["used"], "interval": interval},
        {"name": "miou", "protocol": "dataset", "value": 0.7, "n": samples["used"]},
    )
    return result_of(case, measures=measures, samples=samples, paired=paired, **facts)


def paired(loss, n=100, interval=None, **changes):
    row = {"reference": "torch-cpu", "metric": "miou", "protocol": "running-mean", "value": 0.7 - loss, "n": n}
    return {**row, "reference_value": 0.7, "loss": loss, "interval": interval, **changes}


def speed(fps_seen, check="throughput", case=None, spread=(0.999, 1.0, 1.001), **changes):
    rounds = tuple(1000.0 / fps_seen * factor for factor in spread for _ in range(4))
    row = {"definition": "wall", "statistic": "median", "batch": 1, "rounds_ms": rounds}
    return result_of(case or case_of(check), measurement={**row, **changes})


def parity(cosine=1.0, max_rel=0.0, case=None, **changes):
    rows = ({"output": "map", "cosine": cosine, "max_rel": max_rel, **changes},)
    return result_of(case or case_of("parity", runtime="ort-cpu", chip="cpu"), parity=rows)


def agreement(equal, n=10, **changes):
    facts = {"reference_batch": 1, "n": n, "equal": equal, **changes}
    return result_of(case_of("batch-consistency", batch=4), agreement=facts)


def error(kind, case=None, **facts):
    return result_of(case, "error", error={"kind": kind, "message": "it broke"}, **facts)


def ort(check="accuracy", **changes):
    return case_of(check, runtime="ort-cpu", chip="cpu", **changes)


NAN = float("nan")
CPU_FLOOR = baseline("throughput", 0.1, chip="cpu", unit="images/canary")
CPU_CEILING = baseline("latency", 10.0, chip="cpu", unit="canary")
QUIET = {"canary_before_ms": 2.0, "canary_after_ms": 2.1}
RESTLESS = {"canary_before_ms": 2.0, "canary_after_ms": 2.4}
