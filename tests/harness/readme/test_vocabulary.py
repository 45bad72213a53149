"""Words and what they stand for; a user's file adds to them, and a wrong one is a usage error."""

import pytest

from harness.errors import UsageError
from harness.readme import parse, vocabulary
from harness.readme.labels import Labels


@pytest.fixture(scope="module")
def labels() -> Labels:
    return Labels(vocabulary.read())


@pytest.mark.parametrize(
    ("text", "chip"),
    [
        ("310", "Ascend310"),
        ("310*4", "Ascend310"),
        ("Ascend 310", "Ascend310"),
        ("昇腾310P", "Ascend310P3"),
        ("Ascend310P3", "Ascend310P3"),
        ("310p_aoe", "Ascend310P3"),
        ("310B1性能", "Ascend310B1"),
        ("GPU V100", "V100"),
        ("Ascend 910", "Ascend910"),
        ("t4性能", "T4"),
        ("npu_train", "NPU"),
        ("resnet310", ""),
        ("310.5", ""),
        ("YOLOv310", ""),
        ("A100 and T4", ""),
    ],
)
def test_a_label_names_a_chip_however_it_is_written(labels, text, chip):
    assert labels.read(text).chip == chip


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("精度(top1)", ("top1",)),
        ("Top-5 Accuracy", ("top5",)),
        ("参考精度（Acc@1）", ("top1",)),
        ("Top1/Top5", ("top1", "top5")),
        ("pth精度（mean rank）", ("mean rank",)),
        ("AvgmIou", ("miou",)),
        ("mAP@0.5:0.95", ("map",)),
        ("mAP@0.5", ("map50",)),
        ("Rank-1", ("rank1",)),
        ("F1-score", ("f1",)),
        ("BLEU-4", ("bleu4",)),
        ("ACC_svhn_mnist", ("acc_svhn_mnist",)),
        ("Accuracy-ROC", ("accuracy-roc",)),
        ("均方误差", ("mse",)),
        ("map", ("map",)),
        ("mapping", ()),
        ("芯片型号", ()),
        ("r50", ()),
    ],
)
def test_a_label_names_metrics_by_their_canonical_names(labels, text, metrics):
    assert labels.read(text).metrics == metrics


@pytest.mark.parametrize(
    ("text", "batch"),
    [
        ("bs1", 1), ("ToyNet(bs16)", 16), ("batch_size=8", 8), ("4Batch", 4), ("batchsize 为 8", 8), ("b32", 32),
        ("batch", None), ("bs 4x3", None),
    ],
)  # fmt: skip
def test_a_label_names_a_batch(labels, text, batch):
    assert labels.read(text).batch == batch


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("官网pth精度", "reference"), ("基线性能", "reference"), ("目标精度", "reference"), ("paper", "reference"),
        ("gpu_train", "training"), ("训练精度", "training"),
        ("离线推理精度", "offline"), ("om", "offline"), ("msame精度", "offline"),
        ("参考精度", "weak"), ("精度", ""), ("tf_efficientnet", ""), ("bert-base", ""),
    ],
)  # fmt: skip
def test_a_label_says_whose_figures_they_are(labels, text, role):
    assert labels.read(text).roles == (frozenset({role}) if role else frozenset())


def test_a_users_words_are_added_to_those_that_are_known(tmp_path):
    file = tmp_path / "words.toml"
    file.write_text(
        '[chips]\nQuark9 = ["quark nine"]\n[metrics]\nqux = ["quxity"]\n[parts]\nchip = ["speelchip"]\n', "utf-8"
    )
    readme = (
        "| speelchip | quxity | 性能 |\n|--|--|--|\n| quark nine | 61.5% | 7.5 |\n| 310P3 | 62.5% | 8.5 |\n".encode()
    )

    found = parse(readme, file).rows
    assert [(row.chip, row.metric, row.value) for row in found] == [
        ("Quark9", "qux", 61.5), ("Quark9", "throughput", 7.5),
        ("Ascend310P3", "qux", 62.5), ("Ascend310P3", "throughput", 8.5),
    ]  # fmt: skip
    assert "qux" not in {row.metric for row in parse(readme).rows}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[quux]\na = ['b']\n", "expected tables of the vocabulary"),
        ("[parts]\nquux = ['b']\n", "unknown list"),
        ("[metrics]\nacc = 'b'\n", "expected a list of words"),
        ("[metrics]\nacc = ['']\n", "expected a list of words"),
        ("[metrics\n", "expected a readable TOML file"),
    ],
)
def test_a_wrong_file_of_words_is_a_usage_error_that_says_what_is_wrong(tmp_path, text, what):
    file = tmp_path / "words.toml"
    file.write_text(text, "utf-8")

    with pytest.raises(UsageError, match=what):
        parse(b"", file)
