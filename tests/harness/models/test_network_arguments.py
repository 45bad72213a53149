"""The networks' own arguments: scaled-down siblings, ICNet's two poolings, and training through them."""

import pytest

from harness import cards
from harness.errors import CardError
from harness.networks import build_at, build_network, module_at

torch = pytest.importorskip("torch", reason="the networks are PyTorch's")

SIBLINGS = {
    "resnest50": {"layers": (1, 1, 1, 1), "width": 4, "stem_width": 4, "classes": 10, "attention_floor": 4},
    "icnet": {"layers": (1, 1, 1, 1), "width": 4, "head_width": 8, "classes": 11},
    "intrada_deeplabv2": {"layers": (1, 1, 1, 1), "width": 4, "classes": 11, "dilations": (1, 2)},
}
IMAGES = {"resnest50": (2, 3, 32, 32), "icnet": (2, 3, 192, 384), "intrada_deeplabv2": (2, 3, 64, 128)}
# ICNet: full, 1/4, 1/8, 1/16 of the image. DeepLabV2: 64 / 2 = 32, pooled to ceil(31 / 2) + 1 = 17, halved to 9.
LOGITS = {
    "resnest50": [(2, 10)],
    "icnet": [(2, 11, 192, 384), (2, 11, 48, 96), (2, 11, 24, 48), (2, 11, 12, 24)],
    "intrada_deeplabv2": [(2, 11, 9, 17), (2, 11, 9, 17)],
}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _network(family, **changes):
    return build_at(cards.MODELS_ROOT / family / "network.py", {**SIBLINGS[family], **changes})


@pytest.mark.parametrize("family", SIBLINGS)
def test_a_small_sibling_gives_every_output_in_its_shape(family):
    with torch.inference_mode():
        outputs = _network(family)(torch.zeros(IMAGES[family]))

    assert isinstance(outputs, tuple)
    assert [tuple(output.shape) for output in outputs] == LOGITS[family]


@pytest.mark.parametrize("family", SIBLINGS)
def test_the_last_stage_can_be_left_out(family):
    with torch.inference_mode():
        outputs = _network(family, layers=(1, 1, 1, 0))(torch.zeros(IMAGES[family]))

    assert [tuple(output.shape) for output in outputs] == LOGITS[family]


@pytest.mark.parametrize("family", SIBLINGS)
def test_every_parameter_learns_from_the_outputs(family):
    network = _network(family).train()

    sum(output.square().sum() for output in network(torch.rand(IMAGES[family]))).backward()

    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_windowed_pooling_covers_the_map_with_equal_windows_that_overlap():
    pool = module_at(cards.MODELS_ROOT / "icnet" / "network.py").POOLINGS["windowed"]
    ramp = torch.arange(8.0).reshape(1, 1, 1, 8).expand(1, 1, 8, 8)

    # 8 // 3 = 2 apart and 8 - 2 × 2 = 4 wide: 0…3, 2…5, 4…7.
    assert pool(ramp, 3)[0, 0, 0].tolist() == [1.5, 3.5, 5.5]
    # Adaptive pooling would take 0…2, 2…5, 5…7.
    assert torch.nn.functional.adaptive_avg_pool2d(ramp, 3)[0, 0, 0].tolist() == [1.0, 3.5, 6.0]


def test_windowed_pooling_refuses_an_image_that_is_too_small_with_the_remedy():
    with pytest.raises(CardError, match=r"at least 6×6 .*got 4×8; use images of 192 or more pixels a side"):
        _network("icnet")(torch.zeros(1, 3, 128, 256))


def test_adaptive_pooling_takes_a_smaller_image():
    with torch.inference_mode():
        full, *_ = _network("icnet", pooling="adaptive")(torch.zeros(1, 3, 128, 256))

    assert full.shape == (1, 11, 128, 256)


def test_an_unknown_pooling_is_refused_with_the_known_ones():
    with pytest.raises(CardError, match=r"expected one of \['adaptive', 'windowed'\], got 'window'"):
        _network("icnet", pooling="window")


@pytest.mark.parametrize(
    "card", [card for card in cards.load_all() if card.source.framework == "torch"], ids=lambda card: card.name
)
def test_a_shipped_card_states_the_shapes_that_its_network_gives(card):
    network = build_network(card).to("meta")  # shapes without arithmetic

    outputs = network(torch.empty(card.input[0].at(2), device="meta"))

    given = {index: tuple(output.shape) for index, output in enumerate(outputs)}
    assert {output.index: output.at(2) for output in card.output} == given
