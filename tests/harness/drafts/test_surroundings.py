"""What a README says beside its numbers: the first statement of each fact, and nothing that is not one."""

import pytest

from harness.drafts.surroundings import Said, read


def lines(text: str) -> list[str]:
    return text.split("\n")


@pytest.mark.parametrize(
    "text",
    [
        "url=https://example.org/net\ncommit_id=0123abcdef",
        "  url = https://example.org/net\n  commit id：0123abcdef",
        "git clone -b main https://example.org/net\ngit reset --hard 0123abcdef",
        "$ git clone https://example.org/net && cd net\n$ git checkout 0123abcdef",
    ],
)
def test_the_source_is_where_the_readme_says_how_to_get_it(text: str) -> None:
    found = read(lines(text))

    assert (found.url, found.commit) == (Said("https://example.org/net", 1), Said("0123abcdef", 2))


def test_a_branch_is_no_commit() -> None:
    assert read(["git checkout main"]).commit is None


def test_nothing_signed_is_kept() -> None:
    found = read(["url=https://example.org/net?token=abcdefghijklmnop"])

    assert found.url is not None
    assert "abcdefgh" not in found.url.text


def test_versions_are_rows_with_a_known_name_and_a_number() -> None:
    table = "| CANN | 6.0.RC1 | - |\n| Pytorch | 1.8.0 |\n| Python | see below |\n| Top | 3.7 |\n| CANN | 5.1 |"

    assert read(lines(table)).versions == {"cann": "6.0.RC1", "pytorch": "1.8.0"}


def test_tools_come_in_the_order_of_their_mention() -> None:
    text = "./msame --model a.om\npython3 -m ais_bench --model a.om\nthe benchmark is ImageNet"

    assert read(lines(text)).tools == ("msame", "ais_bench")


@pytest.mark.parametrize(
    ("text", "name"), [("ILSVRC2012的验证集", "imagenet"), ("COCO2017", "coco"), ("CityScapes val", "cityscapes")]
)
def test_a_data_set_is_recognised_by_its_name(text: str, name: str) -> None:
    assert read(["", text]).data == Said(name, 2)


def test_a_data_set_that_omgate_does_not_read_is_none() -> None:
    assert read(["the cocoa data set"]).data is None


def test_scripts_are_the_first_of_each_step_with_their_continued_lines() -> None:
    text = (
        "python3 setup.py install\n"
        "python3.7 ./tools/net_preprocess.py --src a \\\n    --dst 'b c' # why\n"
        "python3 other_preprocess.py\n"
        "$ python net_pth2onnx.py net.pth && echo done\n"
        "python3 imagenet_acc_eval.py result/ > out.txt"
    )

    found = read(lines(text)).scripts

    assert found == {
        "preprocess": (("python3.7", "./tools/net_preprocess.py", "--src", "a", "--dst", "b c"), 2),
        "export": (("python", "net_pth2onnx.py", "net.pth"), 5),
        "postprocess": (("python3", "imagenet_acc_eval.py", "result/"), 6),
    }


def test_a_megabyte_of_one_line_is_read_at_once() -> None:
    assert read(["| a " * 300_000, "python3 " + "x" * 10**6]).versions == {}
