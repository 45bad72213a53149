"""The three networks against the originals: parameter names, outputs, and maps inside, recorded by the original code.

A golden holds 512 values of a map at given positions and six statistics of all of it, for weights and inputs that
follow from their names. The limit is 1e-4 of the golden's standard deviation; recomputing the originals on other
kernels moves them by 4e-6.
"""

import functools
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from harness import cards
from harness.networks import build_at
from harness.weights import seeded

torch = pytest.importorskip("torch", reason="the networks are PyTorch's")

GOLDENS = Path(__file__).parents[2] / "goldens"
LIMIT = 1e-4

FAMILIES = {
    "resnest50": ("resnest50", {}),
    "icnet_patched": ("icnet", {}),
    "icnet_upstream": ("icnet", {"pooling": "adaptive"}),
    "deeplabv2": ("intrada_deeplabv2", {}),
}
RESNEST_PROBES = {"stem": "maxpool", **{f"layer{n}": f"layer{n}" for n in range(1, 5)}}
# The backbone runs twice, at half and at quarter resolution; a probe keeps the last, coarser map.
ICNET_PROBES = {"sub1": "conv_sub1", "ppm": "ppm", **{f"sub4_c{n}": f"pretrained.layer{n}" for n in range(1, 5)}}
ICNET_OUTPUTS = ("out0", "out1", "out2", "out3")
DEEPLAB_PROBES = {"maxpool": "maxpool", "layer2": "layer2"}
DEEPLAB_OUTPUTS = ("out0_aux_layer5", "out1_main_layer6")

FORWARDS = [
    ("resnest50", "resnest50_forward", "resnest50_2x224x224", (2, 3, 224, 224), ("logits",), RESNEST_PROBES),
    ("resnest50", "resnest50_forward", "resnest50_1x193x161", (1, 3, 193, 161), ("logits",), RESNEST_PROBES),
    ("icnet_patched", "icnet_forward_patched", "icnet_256x512", (1, 3, 256, 512), ICNET_OUTPUTS, ICNET_PROBES),
    ("icnet_patched", "icnet_forward_patched", "icnet_480x960", (1, 3, 480, 960), ICNET_OUTPUTS, ICNET_PROBES),
    ("icnet_upstream", "icnet_forward_upstream", "icnet_256x512", (1, 3, 256, 512), ICNET_OUTPUTS, ICNET_PROBES),
    ("icnet_upstream", "icnet_forward_upstream", "icnet_480x960", (1, 3, 480, 960), ICNET_OUTPUTS, ICNET_PROBES),
    ("deeplabv2", "deeplabv2_forward", "deeplabv2_128x256", (1, 3, 128, 256), DEEPLAB_OUTPUTS, DEEPLAB_PROBES),
    ("deeplabv2", "deeplabv2_forward", "deeplabv2_121x187", (1, 3, 121, 187), DEEPLAB_OUTPUTS, DEEPLAB_PROBES),
]
FULL_SIZES = [
    ("resnest50", "resnest50_fullsize", "resnest50_full", (1, 3, 224, 224), ("out0",), {}),
    ("icnet_patched", "icnet_fullsize", "icnet_full", (1, 3, 1024, 2048), ICNET_OUTPUTS, {}),
    ("deeplabv2", "deeplabv2_fullsize", "deeplabv2_full", (1, 3, 512, 1024), ("out0", "out1"), {}),
]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@functools.lru_cache(maxsize=1)
def official(name):
    """Return the official key list, and the network with the weights that the goldens were made with."""
    family, arguments = FAMILIES[name]
    keys = json.loads((GOLDENS / f"{name}_state_dict_keys.json").read_text(encoding="utf-8"))["keys"]
    network = build_at(cards.MODELS_ROOT / family / "network.py", arguments)
    weights = {name: torch.from_numpy(array) for name, array in seeded(dict(keys)).items()}
    network.load_state_dict(weights, strict=True)
    return keys, network


@pytest.mark.parametrize("name", FAMILIES)
def test_names_shapes_and_order_of_the_parameters_are_the_official_ones(name):
    keys, network = official(name)

    assert [[key, list(tensor.shape)] for key, tensor in network.state_dict().items()] == keys


@pytest.mark.parametrize(
    ("name", "file", "tag", "shape", "outputs", "probes"),
    FORWARDS,
    ids=[f"{case[0]}-{case[2]}" for case in FORWARDS],
)
def test_outputs_and_maps_inside_meet_the_originals(name, file, tag, shape, outputs, probes):
    seen = _forward(official(name)[1], tag, shape, outputs, probes)

    _assert_meets(file, tag, seen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file", "tag", "shape", "outputs", "probes"),
    FULL_SIZES,
    ids=[case[2] for case in FULL_SIZES],
)
def test_outputs_at_the_size_of_the_export_meet_the_originals(name, file, tag, shape, outputs, probes):
    seen = _forward(official(name)[1], tag, shape, outputs, probes)

    _assert_meets(file, tag, seen)


def _forward(network, tag, shape, outputs, probes) -> dict[str, np.ndarray]:
    """Run the golden's input, and return the outputs and the maps that the probed modules gave, by golden name."""
    seen = {}

    def keep(name):
        return lambda _module, _inputs, output: seen.update({name: output.numpy()})

    hooks = [network.get_submodule(path).register_forward_hook(keep(name)) for name, path in probes.items()]
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(f"input:{tag}".encode())))
    image = torch.from_numpy(generator.standard_normal(shape).astype(np.float32))
    with torch.inference_mode():
        results = network(image)
    for hook in hooks:
        hook.remove()
    return {**seen, **dict(zip(outputs, (result.numpy() for result in results), strict=True))}


def _assert_meets(file, tag, seen) -> None:
    with np.load(GOLDENS / f"{file}.npz") as golden:
        deviations = {name: _deviation(golden, f"{tag}/{name}", array) for name, array in seen.items()}
    assert {name: value for name, value in deviations.items() if not value <= LIMIT} == {}


def _deviation(golden, name, array) -> float:
    """Return the largest difference to the golden's values and statistics, in its standard deviations."""
    if name in golden:
        whole = golden[name]
        assert array.shape == whole.shape
        return float(np.abs(array - whole).max() / whole.std())
    assert array.shape == tuple(golden[f"{name}/shape"])
    flat = array.ravel().astype(np.float64)
    mean, deviation, least, most, size, wave = golden[f"{name}/stats"]
    values = np.abs(flat[golden[f"{name}/idx"]] - golden[f"{name}/val"]).max() / deviation
    moments = np.abs([flat.mean() - mean, flat.std() - deviation, flat.min() - least, flat.max() - most]) / deviation
    sums = np.abs([np.abs(flat).sum() - size, (flat * np.cos(1e-3 * np.arange(flat.size))).sum() - wave]) / size
    return float(max(values, moments.max(), sums.max()))
