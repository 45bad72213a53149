"""`omgate doctor`: one line per need, what to do for the missing ones, and red only for required ones."""

import hashlib
import os
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from harness import cards, cli, devices, doctor, environment, npus, toolchain, toolchains
from harness.cards import ModelCard
from harness.doctor import Finding, examine
from harness.emulator.devices import Devices
from harness.needs import Places

ROOT = Path(doctor.__file__).parent.parent


@pytest.fixture(autouse=True)
def leases(tmp_path, monkeypatch):
    """Keep the tests' leases, and the caller's folders, out of it."""
    monkeypatch.setattr(devices, "LEASES", tmp_path / "leases")
    monkeypatch.setattr(toolchain, "INSTALLED", tmp_path / "usr")
    for name in [name for name in os.environ if name.startswith(("OMGATE_", "ASCEND_"))]:
        monkeypatch.delenv(name)
    return tmp_path / "leases"


def card(tmp_path: Path, **changes) -> ModelCard:
    tensor = {"name": "x", "dtype": "float32", "shape": ("N", 3, 8, 8)}
    table = {
        "name": "street",
        "family": "street",
        "classes": 3,
        "source": {"url": "https://example.org", "commit": "0" * 40, "framework": "torch"},
        "weights": {"file": "street.pth", "prefix": "abc123", "bytes": 77, "url": "https://example.org/street.pth"},
        "input": (tensor,),
        "output": ({"name": "y", "dtype": "float32", "shape": ("N", 3), "index": 0, "scored": True},),
        "dataset": {"kind": "imagenet", "count": 2},
        "metric": {"name": "top1", "protocol": "by-name"},
        "path": tmp_path / "models/card.toml",
    }
    return ModelCard.model_validate({**table, **changes})


def examined(tmp_path: Path, *shown: ModelCard, places: Places | None = None) -> dict[str, Finding]:
    found = examine(shown, places or Places(), tmp_path / "cache")
    return {finding.need: finding for finding in found}


def test_a_finding_reads_as_ok_absent_or_missing():
    assert str(Finding("numpy", True, "2.4.6", required=True)) == "ok       numpy: 2.4.6"
    assert str(Finding("ort-cuda", False, "install it")) == "absent   ort-cuda: install it"
    assert str(Finding("torch", False, "install it", required=True)) == "MISSING  torch: install it"


def test_the_packages_and_their_oldest_versions_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["onnx"], *extras["torch"]]

    wanted = dict(re.match(r"([a-z0-9-]+)>=([0-9.]+)", one).groups() for one in declared)

    assert wanted == doctor.PACKAGES
    assert project["requires-python"] == f">={'.'.join(map(str, doctor.PYTHON))}"


def test_tensorflows_packages_and_their_oldest_versions_are_those_of_its_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [one for one in project["optional-dependencies"]["tf"] if "!= 'linux'" not in one]

    wanted = dict(re.match(r"([a-z0-9-]+)>=([0-9.]+)", one).groups() for one in declared)

    assert wanted == doctor.TENSORFLOW_PACKAGES


def test_without_tensorflow_its_packages_are_absent_and_nothing_required_is_missing(tmp_path, monkeypatch):
    of_tensorflow = {"tensorflow", *doctor.TENSORFLOW_PACKAGES}
    here = environment.versions
    monkeypatch.setattr(
        environment, "versions", lambda names: here(tuple(name for name in names if name not in of_tensorflow))
    )

    found = examined(tmp_path)

    text = "pip install 'omgate[tf]': without it the TensorFlow cards are skipped"
    assert [str(found[name]) for name in doctor.TENSORFLOW_PACKAGES] == [
        f"absent   tensorflow-cpu: {text}",
        f"absent   tf2onnx: {text}",
    ]
    assert not found["runtime tf-cpu"].required


def test_another_build_of_tensorflow_counts(tmp_path, monkeypatch):
    installed = {"tensorflow": "2.20.0"}
    monkeypatch.setattr(
        environment, "versions", lambda names: {name: installed[name] for name in names if name in installed}
    )

    assert str(examined(tmp_path)["tensorflow-cpu"]) == "ok       tensorflow-cpu: 2.20.0 (tensorflow)"


def test_an_absent_package_is_missing_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "versions", lambda names: {})

    found = examined(tmp_path)

    assert str(found["numpy"]) == "MISSING  numpy: pip install 'numpy>=1.26'"
    assert str(found["torch"]).startswith("MISSING  torch: pip install 'omgate[torch]'")
    assert str(found["onnxruntime"]).startswith("MISSING  onnxruntime: pip install 'omgate[onnx]'")


@pytest.mark.parametrize(
    ("version", "ok"),
    [("1.26", True), ("1.26.4", True), ("2.0.0rc1", True), ("1.25.9", False), ("1.9", False), ("2.13.0+cpu", True)],
)
def test_versions_compare_number_by_number(tmp_path, monkeypatch, version, ok):
    monkeypatch.setattr(environment, "versions", lambda names: {names[0]: version} if names[0] == "numpy" else {})

    assert examined(tmp_path)["numpy"].ok is ok


def test_another_build_of_onnx_runtime_counts(tmp_path, monkeypatch):
    installed = {"onnxruntime-cann": "1.20.0"}
    monkeypatch.setattr(
        environment, "versions", lambda names: {name: installed[name] for name in names if name in installed}
    )

    assert str(examined(tmp_path)["onnxruntime"]) == "ok       onnxruntime: 1.20.0 (onnxruntime-cann)"


def test_the_runtimes_of_the_default_run_are_required_and_accelerators_are_not(tmp_path):
    found = examined(tmp_path)

    assert found["runtime ort-cpu"].ok
    assert found["runtime ort-cpu"].required
    assert not found["runtime ort-cuda"].required
    assert not found["runtime ort-cann"].required


def test_a_store_that_need_not_exist_yet_is_ok_and_nothing_is_made(tmp_path):
    finding = examined(tmp_path)["store"]

    assert finding.ok
    assert re.fullmatch(rf"{re.escape(str(tmp_path / 'cache'))}, \d+ GiB free", finding.text)
    assert not (tmp_path / "cache").exists()


def test_a_store_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "cache").write_text("", encoding="utf-8")

    finding = next(one for one in examine((), Places(), tmp_path / "cache/deeper") if one.need == "store")

    assert (finding.ok, finding.required) == (False, True)
    assert "--cache-dir" in finding.text


def test_a_store_without_write_permission_cannot_be_written(tmp_path, monkeypatch):
    # The super-user may write everywhere, so the system's answer is replaced rather than the folder's mode.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)

    assert not examined(tmp_path)["store"].ok


def test_unusable_leases_are_missing(tmp_path, leases):
    leases.write_text("a file where the folder should be", encoding="utf-8")

    finding = examined(tmp_path)["leases"]

    assert (finding.ok, finding.required) == (False, True)


def test_absent_weights_name_file_size_digest_source_and_place(tmp_path):
    finding = examined(tmp_path, card(tmp_path))["weights street"]

    assert str(finding) == (
        "absent   weights street: street.pth (77 bytes, sha256 abc123…); get it from https://example.org/street.pth; "
        "put it into a folder, and pass that as --weights-dir"
    )


def test_absent_weights_without_a_source_say_so_and_name_the_given_folder(tmp_path):
    finding = examined(tmp_path, card(tmp_path, weights={"file": "street.pth"}), places=Places(weights_dir=tmp_path))[
        "weights street"
    ]

    assert finding.text == (
        f"street.pth (size not stated, sha256 not stated); it has no public source; put it into {tmp_path}"
    )


def test_weights_in_place_are_ok_and_others_are_told_by_their_digest(tmp_path):
    (tmp_path / "street.pth").write_bytes(b"x" * 77)
    digest = hashlib.sha256(b"x" * 77).hexdigest()
    places = Places(weights_dir=tmp_path)

    right = examined(tmp_path, card(tmp_path, weights={"file": "street.pth", "sha256": digest}), places=places)
    wrong = examined(tmp_path, card(tmp_path, weights={"file": "street.pth", "prefix": "abc123"}), places=places)

    assert str(right["weights street"]) == f"ok       weights street: {tmp_path}/street.pth, 77 bytes"
    assert not wrong["weights street"].ok
    assert "expected a sha256 of abc123" in wrong["weights street"].text


def test_absent_data_name_the_layout_and_the_option(tmp_path):
    finding = examined(tmp_path, card(tmp_path))["data street"]

    assert not finding.ok
    assert not finding.required
    assert "pass --data-dir with a folder imagenet/: val/ with the pictures and val_label.txt beside it" in finding.text


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two labelled pictures in ImageNet's layout."""
    from PIL import Image

    root = tmp_path / "data/imagenet"
    (root / "val").mkdir(parents=True)
    for number in range(2):
        Image.new("RGB", (8, 6)).save(root / f"val/p{number}.png")
    (root / "val_label.txt").write_text("p0.png 0\np1.png 1\n", encoding="utf-8")
    return root


def test_complete_data_are_ok_and_incomplete_ones_are_told(tmp_path, pictures):
    places = Places(data_dir=tmp_path / "data")

    assert str(examined(tmp_path, card(tmp_path), places=places)["data street"]) == (
        f"ok       data street: {pictures}, 2 pictures"
    )
    (pictures / "val/p1.png").unlink()
    finding = examined(tmp_path, card(tmp_path), places=places)["data street"]
    assert not finding.ok
    assert "p1" in finding.text


def test_what_a_card_with_generated_data_lacks_is_required(tmp_path):
    made = {"kind": "imagenet", "count": 2, "generator": "digits"}
    found = examined(tmp_path, card(tmp_path, dataset=made))

    assert str(found["data street"]) == "ok       data street: made here by digits"
    assert str(found["weights street"]).startswith("MISSING  weights street: street.pth")
    assert "or train it again: omgate train street" in found["weights street"].text


def test_a_card_with_its_frozen_graph_in_place_needs_no_checkpoint(tmp_path):
    brings = card(tmp_path, artifact={"pb": "street.pb"})
    before = examined(tmp_path, brings)["weights street"]
    brings.path.parent.mkdir()
    (brings.path.parent / "street.pb").write_bytes(b"graph")

    after = examined(tmp_path, brings)["weights street"]

    assert not before.ok
    assert str(after) == "ok       weights street: none needed: the card brings a built file"


def test_a_card_that_brings_its_artifact_needs_no_weights(tmp_path):
    finding = examined(tmp_path, card(tmp_path, weights=None, artifact={"onnx": "a.onnx"}))["weights street"]

    assert finding.ok


@pytest.fixture
def emulated(tmp_path):
    """The emulated toolchain that `doctor --emulate` uses with the tests' store, and its NPUs."""
    found = toolchains.emulated(tmp_path / "cache")
    return found, npus.listing(found)


def ascend_lines(tmp_path) -> dict[str, Finding]:
    found = examine((), Places(), tmp_path / "cache", True)
    return {finding.need: finding for finding in found if finding.need.startswith(("ascend", "npu "))}


def test_without_ascend_there_is_one_line_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    found = examined(tmp_path)

    named = [need for need in found if any(word in need for word in ("ascend", "npu", "aclruntime", "msame"))]
    assert named == ["ascend"]
    assert str(found["ascend"]).startswith("absent   ascend: no CANN, driver or runner of OMs; ")


def test_a_wrong_setting_of_a_tool_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("OMGATE_ATC", str(tmp_path / "nowhere"))

    assert "OMGATE_ATC: expected a program that can be run" in examined(tmp_path)["ascend"].text


def test_every_ascend_tool_its_versions_and_every_npu_has_a_line(tmp_path, emulated):
    found = ascend_lines(tmp_path)

    assert list(found) == [*(f"ascend {tool}" for tool in toolchain.TOOLS), "ascend versions", "npu 0", "npu 1"]
    assert all(finding.ok and not finding.required for finding in found.values())
    assert found["ascend versions"].text == "CANN 6.0.RC1, driver 22.0.4"
    assert found["npu 1"].text == "Ascend310, bus 0000:02:00.0, NPU 1 chip 0, health OK, 577 of 7759 MiB used"


def test_an_absent_tool_has_its_remedy(tmp_path, emulated, monkeypatch):
    whole, _ = emulated
    less = {name: command for name, command in whole.tools.items() if name != "msame"}
    lacking = replace(whole, tools=less, remedies={"msame": "build msame"})
    monkeypatch.setattr(toolchains, "emulated", lambda cache_dir: lacking)

    assert str(ascend_lines(tmp_path)["ascend msame"]) == "absent   ascend msame: build msame"


def test_a_table_without_an_npu_has_a_line_for_it(tmp_path, emulated, monkeypatch):
    monkeypatch.setattr(npus, "listing", lambda toolchain: ())

    found = {finding.need: finding for finding in examine((), Places(), tmp_path / "cache", True)}["npu"]

    assert str(found).startswith("absent   npu: npu-smi lists no NPU; look at ")


def test_a_drained_npu_that_is_well_again_is_put_back_into_use(tmp_path, emulated):
    npu = emulated[1][0]
    npus.drain(npu, "it hung")

    found = ascend_lines(tmp_path)["npu 0"]

    assert found.ok
    assert found.text.endswith("; it was drained (it hung), found well and put back into use")
    assert npus.drained(npu) is None


def test_a_drained_npu_that_is_not_well_stays_drained(tmp_path, emulated):
    npu = emulated[1][0]
    npus.drain(npu, "it hung")
    Devices(tmp_path / "cache/emulated-ascend" / emulated_name(tmp_path)).set_health(0, "Critical")

    found = ascend_lines(tmp_path)["npu 0"]

    assert str(found).startswith("UNFIT    npu 0: Ascend310P3, bus 0000:01:00.0, NPU 0 chip 0, health Critical, ")
    assert found.text.endswith("; it was drained (it hung) and is not well yet: health Critical")
    assert npus.drained(npu) == "it hung"


def emulated_name(tmp_path) -> str:
    (folder,) = (tmp_path / "cache/emulated-ascend").iterdir()
    return folder.name


def test_a_drained_npu_that_another_process_holds_is_left_alone(tmp_path, emulated, monkeypatch):
    npu = emulated[1][0]
    npus.drain(npu, "it hung")
    monkeypatch.setattr(doctor, "PROBE_LEASE_S", 0.1)

    with devices.lease(npu.key, exclusive=True, case="a speed case"):
        found = ascend_lines(tmp_path)["npu 0"]

    assert not found.ok
    assert "it was drained (it hung) and cannot be probed" in found.text
    assert npus.drained(npu) == "it hung"


def test_the_command_is_green_with_optional_needs_absent_and_red_with_required_ones(tmp_path, capsys, monkeypatch):
    absent, required = Finding("data icnet", False, "get it"), Finding("torch", False, "install it", required=True)

    monkeypatch.setattr(doctor, "examine", lambda *given: iter([absent]))
    assert cli.main(["doctor", "--cache-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{absent}\n"
    monkeypatch.setattr(doctor, "examine", lambda *given: iter([absent, required]))
    assert cli.main(["doctor", "--cache-dir", str(tmp_path)]) == 1
    assert capsys.readouterr().out.endswith(f"{required}\n1 required need is missing\n")


def test_the_command_takes_its_folders_from_options_or_variables(tmp_path, monkeypatch):
    for name in ("weights", "data", "cache", "other"):
        (tmp_path / name).mkdir()
    seen = []
    monkeypatch.setattr(doctor, "examine", lambda *given: seen.append(given[1:3]) or iter(()))
    for name in ("weights", "data", "cache"):
        monkeypatch.setenv(f"OMGATE_{name.upper()}_DIR", str(tmp_path / name))

    cli.main(["doctor"])
    cli.main(["doctor", "--weights-dir", str(tmp_path / "other"), "--cache-dir", str(tmp_path / "other")])

    here, other = Places(tmp_path / "weights", tmp_path / "data"), Places(tmp_path / "other", tmp_path / "data")
    assert seen == [(here, tmp_path / "cache"), (other, tmp_path / "other")]


def test_every_card_gets_a_line_for_weights_and_one_for_data(tmp_path):
    shown = cards.load_all()

    found = examined(tmp_path, *shown)

    assert {f"{need} {one.name}" for one in shown for need in ("weights", "data")} <= set(found)
    assert all("\n" not in str(finding) for finding in found.values())
