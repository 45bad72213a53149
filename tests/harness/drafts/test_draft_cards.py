"""A draft holds what the README and the file say, asks for the rest, and is written whole or not at all."""

import hashlib
from pathlib import Path

import pytest

from harness import cards
from harness.cards import ModelCard
from harness.commands.agreement import findings
from harness.drafts import Draft, Request, draft, write
from harness.errors import RunError, UsageError
from tests.harness.drafts.draft_readme import README
from tests.harness.drafts.small_networks import write as network

AIPP = ("--log=error", "--log=error --insert_op_conf=aipp.config")


def drafted(
    folder: Path, *changes: tuple[str, str], model: Path | None = None, name: str = ""
) -> tuple[Draft, ModelCard]:
    """Return a draft of the README with changes, and the card that it was written as."""
    text = README
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "README.md").write_text(text, encoding="utf-8")
    made = draft(Request(folder / "README.md", folder / "cards", model, name))
    return made, write(made)


def asked(made: Draft, field: str) -> str:
    return "; ".join(one.text for one in made.questions if one.field == field)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return network(tmp_path / "toynet.onnx", {"image": ["N", 3, 16, 16]})


def test_what_the_readme_says_is_filled_in(tmp_path: Path, model: Path) -> None:
    _, card = drafted(tmp_path, model=model)

    assert (card.name, card.chips, card.batches, card.tools) == ("toynet", ("Ascend310P3",), (1, 4), ("ais_bench",))
    assert card.source.url == "https://github.com/example/toynet"
    assert card.source.commit == "0123456789abcdef0123456789abcdef01234567"
    assert card.environment == {"cann": "5.1.RC2", "driver": "22.0.2", "python": "3.7.5"}
    assert card.atc is not None
    assert card.atc.source is not None
    assert (card.atc.framework, card.atc.input_format, card.atc.flags) == (5, "NCHW", {"log": "error"})
    first = next(line for line in README.split("\n") if line.startswith("atc "))
    assert card.atc.source.line == README.split("\n").index(first) + 1


def test_every_promise_becomes_a_row_with_its_place(tmp_path: Path, model: Path) -> None:
    made, card = drafted(tmp_path, model=model)

    rows = [(row.batch, row.metric, row.value, row.unit, row.decimals) for row in card.baseline]
    assert rows == [
        (1, "top1", 70.10, "%", 2),
        (1, "throughput", 1000.50, "images/s", 2),
        (4, "throughput", 2500.00, "images/s", 2),
    ]
    lines = README.split("\n")
    assert all(row.source.text in lines[row.source.line - 1] for row in card.baseline)
    assert (made.promised, made.stated) == (3, 3)


def test_tensors_are_those_of_the_file_and_the_file_is_named_with_its_digest(tmp_path: Path, model: Path) -> None:
    _, card = drafted(tmp_path, model=model)

    assert [(one.name, one.dtype, one.shape, one.layout) for one in card.input] == [
        ("image", "float32", ("N", 3, 16, 16), "NCHW")
    ]
    assert [(one.name, one.shape, one.scored) for one in card.output] == [("y", ("N", 10), True)]
    assert card.artifact is not None
    assert (card.path.parent / card.artifact.onnx).resolve() == model.resolve()
    assert card.artifact.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert (card.metric.name, card.class_count) == ("top1", 10)


def test_a_draft_validates_and_needs_no_answer_before_it_is_judged(tmp_path: Path, model: Path) -> None:
    made, card = drafted(tmp_path, model=model)

    assert findings(card) == ()
    assert not any(one.needed for one in made.questions)


def test_without_a_file_its_tensors_are_asked_for_and_the_inputs_are_the_commands(tmp_path: Path) -> None:
    made, card = drafted(tmp_path)

    assert [(one.name, one.shape) for one in card.input] == [("image", ("N", 3, 16, 16))]
    assert [one.field for one in made.questions if one.needed] == ["artifact.onnx", "output.shape"]
    assert "needed before anything can be judged" in made.text


def test_a_question_stands_right_above_its_field(tmp_path: Path, model: Path) -> None:
    changes = ("  commit_id=0123456789abcdef0123456789abcdef01234567\n", "")
    made, card = drafted(tmp_path, changes, model=model)

    lines = made.text.split("\n")
    assert lines[lines.index('commit = ""') - 1].startswith("# ? which commit")
    assert card.source.commit == ""


def test_a_file_that_is_another_than_the_commands_is_asked_about_and_believed(tmp_path: Path) -> None:
    other = network(tmp_path / "toynet.onnx", {"image": ["N", 3, 32, 32]})

    made, card = drafted(tmp_path, model=other)

    assert "image is ${bs},3,16,16 in the command, N,3,32,32 in the file" in asked(made, "atc.source")
    assert card.input[0].shape == ("N", 3, 32, 32)


def test_a_file_with_other_input_names_is_asked_about(tmp_path: Path) -> None:
    other = network(tmp_path / "toynet.onnx", {"x": ["N", 3, 16, 16]})

    made, _ = drafted(tmp_path, model=other)

    assert "names the inputs image, the file has x" in asked(made, "atc.source")


def test_free_sizes_of_the_file_are_those_of_the_command(tmp_path: Path) -> None:
    free = network(tmp_path / "toynet.onnx", {"image": ["N", 3, None, None]})

    made, card = drafted(tmp_path, model=free)

    assert card.input[0].shape == ("N", 3, 16, 16)
    assert asked(made, "input.shape") == ""


def test_sizes_that_nobody_states_are_asked_for(tmp_path: Path) -> None:
    free = network(tmp_path / "toynet.onnx", {"image": ["N", 3, None, None]})

    made, card = drafted(tmp_path, ("${bs},3,16,16", "${bs},3,-1,16~64"), model=free)

    assert "axis 2 (-1), axis 3 (16~64)" in asked(made, "input.shape")
    assert card.input[0].shape[3] == 16
    assert card.atc is not None
    assert card.atc.source is None
    assert "converts for several shapes (image)" in card.atc.note


def test_a_file_of_batch_1_is_fit_for_the_promised_batches(tmp_path: Path) -> None:
    fixed = network(tmp_path / "toynet.onnx", {"image": ["N", 3, 16, 16]}, batch=1)

    made, card = drafted(tmp_path, model=fixed)

    assert (card.input[0].shape, asked(made, "batches")) == (("N", 3, 16, 16), "")


def test_a_file_of_another_batch_is_asked_about(tmp_path: Path) -> None:
    fixed = network(tmp_path / "toynet.onnx", {"image": ["N", 3, 16, 16]}, batch=4)

    made, card = drafted(tmp_path, model=fixed)

    assert "the file is fixed at batch 4, batch 1 will fail" in asked(made, "batches")
    assert card.batches == (1, 4)


def test_a_flag_that_needs_a_file_is_left_out_and_asked_for(tmp_path: Path, model: Path) -> None:
    made, card = drafted(tmp_path, AIPP, model=model)

    assert 'insert_op_conf = "aipp.config"' in asked(made, "atc.flags.insert_op_conf")
    assert card.atc is not None
    assert card.atc.flags == {"log": "error"}


def test_gears_are_left_out_since_oms_are_built_for_one_batch(tmp_path: Path, model: Path) -> None:
    made, card = drafted(tmp_path, ("--log=error", '--dynamic_batch_size="1,4"'), model=model)

    assert card.atc is not None
    assert card.atc.flags == {}
    assert "--dynamic_batch_size=1,4 is left out" in made.text


@pytest.mark.parametrize("flag", ["--input_fp16_nodes=image", "--output_type=FP16"])
def test_flags_that_give_the_om_other_types_are_left_out(tmp_path: Path, model: Path, flag: str) -> None:
    made, card = drafted(tmp_path, ("--log=error", flag), model=model)

    assert card.atc is not None
    assert (card.atc.flags, card.atc.source) == ({}, None)
    assert f"{flag} is left out" in made.text


def test_a_frozen_graphs_command_is_noted_where_an_onnx_file_is_judged(tmp_path: Path, model: Path) -> None:
    _, card = drafted(tmp_path, ("--framework=5", "--framework=3"), model=model)

    assert card.atc is not None
    assert (card.atc.framework, card.atc.source) == (5, None)
    assert "--framework=3" in card.atc.note


def test_a_speed_without_batch_takes_that_of_the_command_and_says_so(tmp_path: Path, model: Path) -> None:
    changes = (
        ("| Batch Size ", ""),
        ("| ---------- ", ""),
        ("310P3 | 1 |", "310P3 |"),
        ("| Ascend310P3 | 4 | ImageNet | | 2500.00 |\n", ""),
        ("image:${bs}", "image:8"),
    )
    made, card = drafted(tmp_path, *changes, model=model)

    assert [(row.batch, row.value) for row in card.baseline if row.metric == "throughput"] == [(8, 1000.5)]
    assert "no batch is printed beside it: the ATC command's 8" in made.text
    assert card.batches == (8,)


def test_a_cell_that_does_not_fit_into_memory_is_an_expected_failure(tmp_path: Path, model: Path) -> None:
    _, card = drafted(tmp_path, ("| | 2500.00 |", "| | 内存不足 |"), model=model)

    assert [(row.chip, row.batch, row.check, row.outcome) for row in card.expect] == [("Ascend310P3", 4, "any", "oom")]


def test_a_metric_that_omgate_cannot_compute_is_kept_as_a_promise(tmp_path: Path, model: Path) -> None:
    _, card = drafted(tmp_path, ("top1: 70.10%", "F1: 70.10%"), model=model)

    assert (card.metric.name, card.baseline[0].metric) == ("none", "f1")


def test_promises_that_only_scripts_can_judge_are_told_and_the_data_set_is_not_asked_for(
    tmp_path: Path, model: Path
) -> None:
    made, _ = drafted(tmp_path, ("top1: 70.10%", "F1: 70.10%"), model=model)

    assert asked(made, "metric.name") == (
        "omgate computes no f1: only the README's own scripts can judge them, with --run-scripts: "
        "see [script] at the end"
    )
    assert asked(made, "dataset.kind") == ""
    assert '# metric = { name = "f1", pattern = ' in made.text


def test_without_scripts_such_promises_ask_for_a_table_of_them(tmp_path: Path, model: Path) -> None:
    no_script = ("python3 toynet_postprocess.py ./result\n", "")
    made, _ = drafted(tmp_path, ("top1: 70.10%", "mAP: 70.10%"), no_script, model=model)

    told = asked(made, "metric.name")
    assert told.startswith('omgate computes map, but not from these outputs as they stand: set name = "map"')
    assert told.endswith("name them in a [script] table (docs/cards.md)")


def test_an_error_rate_is_the_better_the_lower_it_is(tmp_path: Path, model: Path) -> None:
    _, card = drafted(tmp_path, ("top1: 70.10%", "WER: 9.57%"), model=model)

    assert [(row.metric, row.higher_is_better) for row in card.baseline if row.is_accuracy] == [("wer", False)]


@pytest.mark.parametrize(
    ("printed", "metric", "value", "better"),
    [("PSNR: 32.35", "psnr", 32.35, True), ("FID: 9.95", "fid", 9.95, False), ("loss: 0.25", "loss", 0.25, False)],
)
def test_what_is_no_share_is_a_promise_that_the_scripts_judge(tmp_path, model, printed, metric, value, better) -> None:
    made, card = drafted(tmp_path, ("top1: 70.10%", printed), model=model)

    (row,) = (row for row in card.baseline if row.is_accuracy)
    assert (row.metric, row.value, row.compared_in, row.higher_is_better) == (metric, value, "", better)
    assert f"omgate computes no {metric}: only the README's own scripts can judge them" in asked(made, "metric.name")
    assert asked(made, "baseline.higher_is_better") == ""
    (line,) = (line for line in made.text.split("\n") if line.startswith("# metric = "))
    assert f'name = "{metric}"' in line
    assert line.endswith('unit = "1" }')


def test_a_score_of_which_the_name_does_not_tell_what_is_better_is_asked_about(tmp_path: Path, model: Path) -> None:
    made, _ = drafted(tmp_path, ("top1: 70.10%", "robustness: 1.25"), model=model)

    assert asked(made, "baseline.higher_is_better") == "is more of robustness better, or less (false)?"
    lines = made.text.split("\n")
    assert lines[lines.index("# ? is more of robustness better, or less (false)?") + 1] == "higher_is_better = true"


RUNS = "python3 -m ais_bench --model toynet_bs1.om"
FILLED = f"{RUNS} --input ./prep --output ./result --output_dirname bs${{bs}} --outfmt TXT"


def test_what_the_tool_reads_and_writes_joins_the_scripts(tmp_path: Path, model: Path) -> None:
    read = ("toynet_postprocess.py ./result", "toynet_postprocess.py ./result/bs${bs} --gt prep --bs ${bs} >out.json")
    made, _ = drafted(tmp_path, (RUNS, FILLED), read, model=model)

    lines = made.text.split("\n")
    assert '# argv = ["python3", "toynet_preprocess.py", "--src", "${data}", "--save", "{inputs}"]' in lines
    assert '# argv = ["python3", "toynet_postprocess.py", "{results}", "--gt", "{inputs}", "--bs", "{batch}"]' in lines
    assert '# files = "{name}_{index}.txt"' in lines
    assert [line for line in lines if line.startswith(("# folders", "# results"))] == []


def test_folders_that_no_word_of_a_script_names_are_fields(tmp_path: Path, model: Path) -> None:
    ways = (RUNS, f"{RUNS} --input prep/left,prep/right --output out --output_dirname bs1")
    made, _ = drafted(tmp_path, ways, (" --save ./prep", " --all"), ("py ./result", "py"), model=model)

    lines = made.text.split("\n")
    assert '# folders = ["prep/left", "prep/right"]' in lines
    assert '# results = "out/bs1"' in lines


def test_a_folder_for_each_input_lies_below_the_one_that_the_script_is_given(tmp_path: Path, model: Path) -> None:
    made, _ = drafted(tmp_path, (RUNS, f"{RUNS} --input prep/left,prep/right --output out"), model=model)

    assert '# folders = ["{inputs}/left", "{inputs}/right"]' in made.text.split("\n")


def test_a_step_that_the_readme_does_not_name_is_told_as_needed(tmp_path: Path, model: Path) -> None:
    made, _ = drafted(tmp_path, ("toynet_preprocess", "toynet_other"), model=model)

    assert "# [script.preprocess]  # needed, and the README names no script for it" in made.text.split("\n")


def test_scripts_beside_the_readme_are_found_from_the_card(tmp_path: Path, model: Path) -> None:
    (tmp_path / "toynet_postprocess.py").write_text("")

    made, _ = drafted(tmp_path, model=model)

    assert '# repository = "../.."' in made.text.split("\n")


def test_scripts_are_proposed_in_comments_with_one_warning(tmp_path: Path, model: Path) -> None:
    made, card = drafted(tmp_path, model=model)

    lines = made.text.split("\n")
    assert made.text.replace("\n#   ", " ").count("running them is running their code with your rights") == 1
    assert '# argv = ["python3", "toynet_pth2onnx.py", "{weights}", "{model}"]' in lines
    assert '# argv = ["python3", "toynet_preprocess.py", "--src", "${data}", "--save", "./prep"]' in lines
    assert '# argv = ["python3", "toynet_postprocess.py", "./result"]' in lines
    assert card.script is None


def test_the_proposed_steps_are_a_card_once_they_are_answered(tmp_path: Path, model: Path) -> None:
    _, card = drafted(tmp_path, model=model)
    head, proposal = card.path.read_text(encoding="utf-8").split("# [script]\n")
    answered = "\n".join(line.removeprefix("# ") for line in proposal.split("\n"))
    answered = answered.replace("${data}", "{dataset}").replace("./prep", "{inputs}").replace("./result", "{results}")
    path = tmp_path / "answered.toml"
    path.write_text(f"{head}[script]\n{answered}".replace("top1", "top1"), encoding="utf-8")

    made = cards.load(path)

    assert made.script is not None
    assert list(made.script.steps) == ["export", "preprocess", "postprocess"]


def test_nothing_is_written_over(tmp_path: Path, model: Path) -> None:
    _, card = drafted(tmp_path, model=model)
    before = card.path.read_bytes()

    with pytest.raises(UsageError, match="expected no folder of this name"):
        drafted(tmp_path, model=model)

    assert card.path.read_bytes() == before
    assert [path.name for path in (tmp_path / "cards").iterdir()] == ["toynet"]


def test_a_folder_that_appears_meanwhile_is_left_alone(tmp_path: Path, model: Path) -> None:
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    made = draft(Request(tmp_path / "README.md", tmp_path / "cards", model))
    made.folder.mkdir(parents=True)

    with pytest.raises(UsageError, match="expected no folder of this name"):
        write(made)

    assert list(made.folder.iterdir()) == []
    assert [path.name for path in (tmp_path / "cards").iterdir()] == ["toynet"]


def test_a_name_of_a_shipped_card_is_not_taken(tmp_path: Path, model: Path) -> None:
    _, card = drafted(tmp_path, ("# Toynet模型", "# ICNet模型"), model=model)

    assert card.name == "icnet-draft"


def test_a_readme_of_nothing_is_all_questions(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing here\n", encoding="utf-8")

    made = draft(Request(tmp_path / "README.md", tmp_path / "cards", None, "empty"))

    assert (made.promised, made.has_command) == (0, False)
    assert {one.field for one in made.questions if one.needed} == {"artifact.onnx", "input.shape", "output.shape"}
    assert write(made).baseline == ()


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [("absent.onnx", None, UsageError), ("broken.onnx", b"\x00not a model", RunError)],
)
def test_a_file_that_is_no_model_is_refused_and_nothing_is_written(
    tmp_path: Path, name: str, content: bytes | None, error: type[Exception]
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(error, match=name):
        drafted(tmp_path, model=tmp_path / name)

    assert not (tmp_path / "cards").exists()


def test_of_several_models_the_files_own_rows_stand_without_a_condition(tmp_path: Path) -> None:
    file = network(tmp_path / "toynet_b.onnx", {"image": ["N", 3, 16, 16]})
    table = README[README.index("| 芯片型号") :]
    rows = (
        "| 模型 | 芯片型号 | Batch Size | 性能 |\n| --- | --- | --- | --- |\n"
        "| toynet_a | Ascend310P3 | 1 | 900.0 |\n| toynet_b | Ascend310P3 | 1 | 800.0 |\n"
    )

    _, card = drafted(tmp_path, (table, rows), model=file)

    assert [(row.value, row.condition) for row in card.baseline] == [(900.0, "model=toynet_a"), (800.0, "")]
