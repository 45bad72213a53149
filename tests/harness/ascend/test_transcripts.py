"""Transcripts of real tools, kept beside the repository: every file parses to the numbers entered here by hand."""

from pathlib import Path

import pytest

from harness.ascend import (
    ais_bench_summary,
    ais_bench_text,
    atc_text,
    benchmark_text,
    codes,
    msame_text,
    smi_readings,
    smi_text,
    version_files,
)
from harness.errors import RunError

FOLDER = Path(__file__).parents[4] / "shared" / "transcripts"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder of transcripts beside the repository")


def text(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


ATC = {
    "atc_fail_310B4_forkserver_traceback_head": ("", (), "tool-failed"),
    "atc_fail_E10001_minus1_dim": ("failed", ("E10001",), "tool-failed"),
    "atc_fail_E10001_minus1_dim_glued_copy": ("failed", ("E10001",), "tool-failed"),
    "atc_fail_E10007_cann7": ("failed", ("E10007",), "tool-failed"),
    "atc_fail_E10054_requied_typo": ("failed", ("E10054",), "tool-failed"),
    "atc_fail_E19010_sdxl_unet_quoted": ("failed", ("E19010",), "unsupported"),
    "atc_fail_E20001_compile_op_310P3_cann8.1": ("failed", ("E20001",), "compile-error"),
    "atc_fail_E40000_te_import_20.1": ("failed", ("E40000",), "infra"),
    "atc_fail_E89999_mode0_verdict_variant": ("failed", ("E89999",), "compile-error"),
    "atc_fail_EC0010_decorator_cann8.0": ("failed", ("EC0010",), "infra"),
    "atc_fail_EC0010_three_runs_tbe_numpy2": ("failed", ("EC0010",) * 3, "infra"),
    "atc_fail_EZ3003_singleop_310P3_cann6.0.1": ("failed", ("EZ3003",), "unsupported"),
    "atc_fail_amct_calibration_no_ecode": ("failed", (), "tool-failed"),
    "atc_fail_e19010_msit_fixture": ("failed", ("E19010",), "unsupported"),
    "atc_fail_ez0501_msit_fixture": ("failed", ("EZ0501",), "unsupported"),
    "atc_fail_ez3002_msit_fixture": ("failed", ("EZ3002",), "unsupported"),
    "atc_fail_libascend_hal_missing_cann8.0.0": ("", (), "infra"),
    "atc_fail_unknown_msit_fixture": ("failed", ("E19025",), "compile-error"),
    "atc_line_E16005_domain_version": ("", ("E16005",), "tool-failed"),
    "atc_success_dynamic_batch_tf": ("success", (), "tool-failed"),
    "atc_success_with_W11001_after_verdict_icnet": ("success", (), "tool-failed"),
}
ATC_SAYS = {
    "atc_fail_E10007_cann7": "--framework",
    "atc_fail_E10054_requied_typo": "--model",
    "atc_fail_E19010_sdxl_unet_quoted": "FindMax",
    "atc_fail_E20001_compile_op_310P3_cann8.1": "StridedSliceD",
    "atc_fail_E89999_mode0_verdict_variant": "Add_718",
    "atc_fail_EC0010_decorator_cann8.0": "decorator",
    "atc_fail_EZ3003_singleop_310P3_cann6.0.1": "AddDsl",
    "atc_fail_amct_calibration_no_ecode": "InnerQuantizeGraph",
    "atc_fail_e19010_msit_fixture": "Conv_52",
    "atc_fail_libascend_hal_missing_cann8.0.0": "libascend_hal.so",
}

# throughput, mean of NPU_compute_time, batch, mean of H2D and of D2H (None where not printed), per summary
AIS = {
    "ais_gen1_satrn_H2D": [(31.506442728849557, 31.739540023803713, 1, 0.4661083221435547, 0.2899169921875)],
    "ais_gen1_summary_batchsize_int_label": [(1512.8592735267011, 0.6610000133514404, 1, None, None)],
    "ais_gen1_swin100_H2D": [(14.7214459917491, 67.92810981750489, 1, 0.7560253143310547, 82.01360702514648)],
    "ais_gen1_swin97_H2D": [(21.107056667945447, 47.37752002716064, 1, 0.6496906280517578, 67.47007369995117)],
    "ais_gen1_swin99_H2D_indented": [
        (14.218497395547741, 70.33091979980469, 1, 13.617277145385742, 142.60053634643555)
    ],
    "ais_new_msit_energy": [(281.38893494131406, 3.5538000106811523, 1, None, None)],
    "ais_new_msit_full_stdout": [(407.16610891670894, 2.4560000896453857, 1, None, None)],
    "ais_new_multidevice_tqdm_interleaved": [
        (1501.151215495443, 2.664621630859375, 4, None, None),
        (1494.3571781443404, 2.67673623046875, 4, None, None),
    ],
    "ais_new_resnet50_bs64_dataset": [(4749.03127425521, 13.476432624680307, 64, None, None)],
    "ais_new_resnet50_bs64_retyped_by_author": [(13291.513519962238, 4.815102501598465, 64, None, None)],
    "ais_old_multidevice": [
        (281.38893494131406, 3.5538000106811523, 1, None, None),
        (276.54867008654026, 3.616000032424927, 1, None, None),
    ],
    "ais_old_summary_no_H2D": [(1512.8592735267011, 0.6610000133514404, 1, None, None)],
    "ais_old_summary_with_H2D": [(1503.759349974173, 0.6650000214576721, 1, 0.05700000002980232, 0.014999999664723873)],
}
AIS_WITHOUT_SUMMARY = {
    "ais_dymshape_range_12shapes_from_file": (),
    "ais_dymshape_range_3shapes": (),
    "ais_fail_import_glibcxx": ("GLIBCXX_3.4.29",),
    "ais_lookalike_sdmgr_custom_summary": (),
    "ais_new_fail_exception_cb_EZ9999": ("EZ9999",),
    "ais_new_fail_wrong_soc_E19999_load": ("E19999", "load model from file failed", "[1][ACL: invalid parameter]"),
    "ais_new_output_listing_multidevice": (),
    "ais_old_fail_profiler_relative_input": ("./1.bin of --input is invalid",),
    "ais_old_fail_profiler_relative_path": ("load model from file failed", "[1][ACL:invalid parameter]"),
    "ais_old_fail_save_out_files_axis": ("array shape:(1, 349184, 2)",),
    "ais_old_fail_save_out_files_padding": ("padding_infer_fake_file",),
    "ais_old_warn_aclruntime_version": (),
}
AIS_SUMMARIES = {
    "ais_gen0_sumary_json_fragment_nasfpn": (62.17950873049252, 16.08246865272522),
    "ais_gen0_sumary_print": (396.2040387925606, 2.5239520602756076),
}

# average, average without the first (None where not printed), number of times, last part of the output folder
MSAME = {
    "msame_ok_dirmode_3dunet_tail": [(1835.80, 1836.05, 0, "")],
    "msame_ok_dirmode_sesemi": [(1935.84, 1936.44, 8, "20211222_155748")],
    "msame_ok_dirmode_vit_batch910": [(1003.89, 1003.89, 45, "")],
    "msame_ok_dpn_dirmode_gap": [(2302.18, 2302.18, 3, "")],
    "msame_ok_googlenet_tail": [(2.245480, 2.243010, 0, "")],
    "msame_ok_jshdr_filemode_oldstamp": [(11.713, None, 1, "20220115_185917")],
    "msame_ok_newstamp_pid_2025": [(6.811, None, 1, "20251213_11_6_52_564388")],
    "msame_ok_robotchess": [(1.1251, 1.102889, 10, "20180129_132912")],
    "msame_ok_three_runs_dmsp": [
        (155.431, None, 1, "20220220_215201"),
        (155.722, None, 1, "20220220_220701"),
        (156.499, None, 1, "20220220_222201"),
    ],
}

# interface rate, end to end rate and ms, latency of the inference
PERF = {
    "bench_perf_vision_bsn_tem_bs16_with_header": (12277.9, 143.161, 134310, 0.570148),
    "bench_perf_vision_bsn_tem_bs1_with_header": (3275.55, 180.879, 106303, 0.561457),
    "bench_perf_vision_deit_altlabels": (103.795, 87.7802, 569604, 10.7968),
    "bench_perf_vision_icnet_padded_latency": (1.22385, 1.05117, 475659, 945.98),
    "bench_perf_vision_reid_missing_comma": (137.422, 104.078, 32360.4, 8.68511),
    "bench_perf_vision_resnet101_bs16_device_1": (401.046, 185.903, 268957, 3.94051),
    "bench_perf_vision_resnet101_bs1_device_0": (247.898, 170.628, 293035, 5.12562),
    "bench_perf_vision_resnet101_bs32_device_0": (370.456, 176.215, 283744, 4.14361),
    "bench_perf_vision_resnet101_bs4_device_0": (331.096, 184.444, 271085, 4.52436),
    "bench_perf_vision_resnet101_bs8_device_0": (371.905, 196.051, 255036, 4.15513),
    "bench_perf_vision_srcnn_smallset": (348.038, 3.74691, 1334.43, 3.4136),
}
# rate, latency per sample, cost per batch
PURE = {
    "bench_pureinfer_stdout_hrnet_bs1_equalsign": [(155.975, 6.42435, 2.635)],
    "bench_pureinfer_stdout_hrnet_bs4": [(224.608, 4.56663, None)],
    "bench_pureinfer_stdout_icnet_two_runs_fp16": [(3.66939, 272.739, 272.321), (3.70877, 269.711, 1077.64)],
    "bench_pureinfer_stdout_mobilenetv1_bs16_short": [(1679.95, 0.597547, None)],
    "bench_pureinfer_stdout_nasnetlarge_short_equalsign": [(7.18646, 139.358, None)],
    "bench_pureinfer_stdout_yolor_bs1": [(1.67129, 599.028, 597.914)],
}

# versions, then npu, chip, name, health, device, used and total of DDR, used and total of HBM; the number of chips
SMI = {
    "smi_300IDuo_25.0.rc1.1_ocr_0K_health": (
        ("25.0.rc1.1", "25.0.rc1.1"),
        [
            (0, 0, "310P3", "0K", None, 0, 0, 1460, 44280),
            (1, 0, "310P3", "0K", None, 0, 0, 1479, 43693),
            (2, 0, "310P3", "0K", None, 0, 0, 1259, 44216),
            (3, 0, "310P3", "0K", None, 0, 0, 1643, 43757),
        ],
        4,
    ),
    "smi_300IDuo_310P3_25.0.rc1.1_busy_chip1": (
        ("25.0.rc1.1", "25.0.rc1.1"),
        [
            (6, 0, "310P3", "OK", 0, 1175, 44280, None, None),
            (6, 1, "310P3", "OK", 1, 8322, 43693, None, None),
        ],
        2,
    ),
    "smi_300IDuo_310P3_critical_health_fragment": (
        ("", ""),
        [
            (2, 0, "310P3", "OK", 2, 1866, 47304, None, None),
            (2, 1, "310P3", "OK", 3, 1116, 46717, None, None),
            (4, 0, "310P3", "Critical", 4, 1793, 44280, None, None),
            (4, 1, "310P3", "OK", 5, 1162, 43693, None, None),
        ],
        6,
    ),
    "smi_310B1_23.0.rc3": (
        ("23.0.rc3", "23.0.rc3"),
        [(0, 0, "310B1", "OK", 0, 3841, 11577, None, None)],
        1,
    ),
    "smi_310B4_23.0.0_broken_borders": (
        ("23.0.0", "23.0.0"),
        [(0, 0, "310B4", "OK", 0, 2433, 7564, None, None)],
        1,
    ),
    "smi_310B4_23.0.rc3": (("23.0.rc3", "23.0.rc3"), [(0, 0, "310B4", "OK", 0, 2166, 3513, None, None)], 1),
    "smi_310P3_22.0.2_speechtransformer": (
        ("22.0.0", "22.0.2"),
        [(0, 0, "310P3", "OK", 0, 934, 23054, None, None)],
        1,
    ),
    "smi_310P3_22.0.4_npuid2144": (
        ("22.0.2", "22.0.4"),
        [(2144, 0, "310P3", "OK", 0, 1807, 21527, None, None)],
        1,
    ),
    "smi_310P3_22.0.4_vnpu_single_sep_end": (
        ("22.0.4", "22.0.4"),
        [(7, 0, "310P3", "OK", 0, 1805, 21527, None, None)],
        1,
    ),
    "smi_310P3_23.0.0_npuid24_idle_process_table": (
        ("23.0.0", "23.0.0"),
        [(24, 0, "310P3", "OK", 0, 1832, 21527, None, None)],
        1,
    ),
    "smi_310P3_zoo_twochips_noheader": (
        ("", ""),
        [(0, 0, "310P3", "OK", 0, 1074, 21534, None, None), (1, 0, "310P3", "OK", 1, 1070, 21534, None, None)],
        2,
    ),
    "smi_310_20.2.2_five_cards_4chips_no_hugepages": (
        ("20.2.2", "20.2.2"),
        [(2048, chip, "310", "OK", chip, 2621, 8192, None, None) for chip in range(4)],
        12,
    ),
    "smi_310_21.0.3.1_200DK_no_hugepages_column": (
        ("21.0.3.1", "21.0.3.1"),
        [(0, 0, "310", "OK", 0, 5324, 8192, None, None)],
        1,
    ),
    "smi_310_22.0.4_chinese_annotated_header": (
        ("22.0.4", "22.0.4"),
        [(0, 0, "310", "OK", 0, 5745, 7757, None, None)],
        1,
    ),
    "smi_910A_21.0.2_no_hugepages_column": (
        ("21.0.2", "21.0.2"),
        [(1, 0, "910A", "OK", None, 1809, 15079, 0, 32768), (4, 0, "910A", "OK", None, 1809, 15079, 0, 32768)],
        2,
    ),
    "smi_910A_21.0.4_genuine_trimmed": (
        ("21.0.4", "21.0.4"),
        [(0, 0, "910A", "OK", None, 839, 15170, 1, 32768), (1, 0, "910A", "OK", None, 1274, 15171, 1, 32768)],
        2,
    ),
    "smi_910A_22.0.3_flagperf_misaligned": (
        ("22.0.3", "22.0.3"),
        [(4, 0, "910A", "OK", 0, 861, 21534, None, None)],
        1,
    ),
    "smi_910A_zoo_dbnet": (
        ("", ""),
        [(0, 0, "910A", "OK", 0, 1074, 21534, None, None), (1, 0, "910A", "OK", 1, 1070, 21534, None, None)],
        2,
    ),
    "smi_910B1_23.0.rc3.3_busy_glued_slash": (
        ("23.0.rc3.3", "23.0.rc3.3"),
        [(0, 0, "910B1", "OK", None, 0, 0, 65099, 65536), (1, 0, "910B1", "OK", None, 0, 0, 65098, 65536)],
        2,
    ),
    "smi_910B2C_24.1.rc2.2_npuid4_glued_slash": (
        ("24.1.rc2.2", "24.1.rc2.2"),
        [(4, 0, "910B2C", "OK", None, 0, 0, 32446, 65536)],
        1,
    ),
    "smi_910B3_23.0.7_one_card_trimmed": (
        ("23.0.7", "23.0.7"),
        [(0, 0, "910B3", "OK", None, 0, 0, 3338, 65536)],
        1,
    ),
    "smi_910B4_25.5.2_npuid5": (("25.5.2", "25.5.2"), [(5, 0, "910B4", "OK", None, 0, 0, 2922, 32768)], 1),
    "smi_910B4_headerless_npuid2": (("", ""), [(2, 0, "910B4", "OK", None, 0, 0, 2858, 32768)], 1),
    "smi_910PremiumA_23.0.rc2_trimmed": (
        ("", ""),
        [
            (0, 0, "910PremiumA", "OK", None, 1413, 15137, 31842, 32768),
            (1, 0, "910PremiumA", "OK", None, 1612, 15137, 31842, 32768),
        ],
        2,
    ),
    "smi_910ProB_24.1.0_trimmed": (
        ("24.1.0", "24.1.0"),
        [
            (0, 0, "910ProB", "OK", None, 2387, 13553, 18, 32768),
            (1, 0, "910ProB", "OK", None, 1840, 15665, 8, 32768),
            (2, 0, "910ProB", "OK", None, 2512, 15665, 5, 32768),
        ],
        3,
    ),
    "smi_A3_process_table_empty_names": (("", ""), [], 0),
}
SMI_REFUSED = {
    "smi_300IDuo_24.1.0.1_user_reformatted": "",
    "smi_fail_8005_module_init": "-8005",
    "smi_fail_8020_device_used": "-8020",
}
# form, then per block: npu, chip, one key, its value
READINGS = {
    "smi_t_board_chip_A2_910B4": ("board", [(0, 0, "Chip Name", "910B4")]),
    "smi_t_board_chip_A3_9392": ("board", [(0, 0, "NPU Name", "9392")]),
    "smi_t_common_300IDuo_mcu": (
        "common",
        [
            (2944, 0, "Temperature(C)", "45"),
            (2944, 1, "Temperature(C)", "47"),
            (2944, None, "NPU Real-time Power(W)", "42.8"),
        ],
    ),
    "smi_t_common_310P3_with_mcu": (
        "common",
        [(1, 0, "Temperature(C)", "43"), (1, None, "NPU Real-time Power(W)", "13.4")],
    ),
    "smi_t_common_910B_busy_hbm91": (
        "common",
        [(1, 0, "HBM Usage Rate(%)", "91"), (1, None, "Temperature(C)", "40")],
    ),
    "smi_t_common_910legacy_30cores": ("common", [(0, 0, "Aicore Count", "30")]),
    "smi_t_memory_300IDuo": (
        "memory",
        [(2944, 0, "DDR Capacity(MB)", "44278"), (2944, 1, "DDR Capacity(MB)", "43693")],
    ),
    "smi_t_usages_910B_65536": ("usages", [(0, 0, "HBM Capacity(MB)", "65536")]),
    "smi_t_usages_910legacy": ("usages", [(0, 0, "DDR Capacity(MB)", "13553")]),
}
READERS = {
    "board": smi_readings.parse_board,
    "common": smi_readings.parse_common,
    "memory": smi_readings.parse_memory,
    "usages": smi_readings.parse_usages,
}
# kind, and whether it smells of the device
FAILURES = {
    "mem_EL0004_named_APP_module_310P3": ("oom", False),
    "mem_EL0004_named_setdevice_507033": ("oom", True),
    "mem_plog_rtMallocPhysical_207001": ("oom", False),
    "mem_syslog_device_oom": ("oom", False),
    "run_fail_E19999_opp_version_mismatch": ("corrupt-artifact", False),
    "ais_new_fail_exception_cb_EZ9999": ("tool-failed", True),
    "ais_new_fail_wrong_soc_E19999_load": ("tool-failed", False),
    "ais_fail_import_glibcxx": ("infra", False),
}
VERSIONS = {
    "version_cfg_6.0.1_noheader": "6.0.1",
    "version_cfg_8.0.0_cat_n": "8.0.0",
    "version_cfg_8.0.RC3": "8.0.RC3",
    "version_cfg_8.0.T63_testbuild": "8.0.T63",
}
OTHERS = {"driver_version_info_24.1.rc3_cat_n", "smi_info_m_msit_placeholder"}
TABLES = (
    ATC, AIS, AIS_WITHOUT_SUMMARY, AIS_SUMMARIES, MSAME, PERF, PURE, SMI, SMI_REFUSED, READINGS, FAILURES, VERSIONS,
)  # fmt: skip


def test_every_transcript_is_entered_here():
    files = {path.stem for path in FOLDER.glob("*.txt")}

    assert files == {name for table in TABLES for name in table} | OTHERS


@pytest.mark.parametrize("name", ATC)
def test_atc(name):
    verdict, found, kind = ATC[name]

    report = atc_text.parse(text(name))

    assert (report.verdict, tuple(message.code for message in report.errors)) == (verdict, found)
    assert ATC_SAYS.get(name, "") in report.summary
    assert codes.error_kind(text(name), "tool-failed") == kind


def test_atc_keeps_the_warnings_behind_the_verdict():
    report = atc_text.parse(text("atc_success_with_W11001_after_verdict_icnet"))

    assert [message.code for message in report.warnings] == ["W11001", "W11001"]


@pytest.mark.parametrize("name", AIS)
def test_ais_bench(name):
    report = ais_bench_text.parse(text(name))

    found = [
        (
            block.throughput,
            block.compute and block.compute.mean_ms,
            block.batch,
            block.h2d and block.h2d.mean_ms,
            block.d2h and block.d2h.mean_ms,
        )
        for block in report.blocks
    ]
    assert found == AIS[name]
    assert report.errors == ()


@pytest.mark.parametrize("name", AIS_WITHOUT_SUMMARY)
def test_ais_bench_without_a_summary(name):
    report = ais_bench_text.parse(text(name))

    assert report.blocks == ()
    said = " ".join(report.errors)
    assert all(part in said for part in AIS_WITHOUT_SUMMARY[name])
    assert bool(said) == bool(AIS_WITHOUT_SUMMARY[name])


def test_ais_bench_on_several_devices():
    new = ais_bench_text.parse(text("ais_new_multidevice_tqdm_interleaved"))
    old = ais_bench_text.parse(text("ais_old_multidevice"))

    assert (new.device_rates, new.total_rate) == ({1: 1501.151215495443, 0: 1494.3571781443404}, 2995.508393639783)
    assert (new.result, old.result) == (0, 1)
    assert (old.device_rates, old.total_rate) == ({1: 281.38893494131406, 2: 276.54867008654026}, 557.9376050278543)


@pytest.mark.parametrize("name", ["ais_new_resnet50_bs64_dataset", "ais_new_resnet50_bs64_retyped_by_author"])
def test_ais_bench_says_how_many_files_it_ran(name):
    report = ais_bench_text.parse(text(name))

    assert (report.files_per_run, report.runs, report.output_dir) == (64, 782, "./result")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ais_dymshape_range_12shapes_from_file", (12, 12, 701.4533561722105)),
        ("ais_dymshape_range_3shapes", (3, 3, 246.77165024828034)),
    ],
)
def test_ais_bench_over_a_range_of_shapes(name, expected):
    found = ais_bench_text.parse(text(name)).shape_range

    assert found is not None
    assert (found.runs, found.succeeded, found.average_rate) == expected
    assert len(found.rows) == expected[0]


@pytest.mark.parametrize("name", AIS_SUMMARIES)
def test_ais_bench_summaries(name):
    summary = ais_bench_summary.parse_summary(text(name))

    assert (summary.throughput, summary.mean_ms) == AIS_SUMMARIES[name]
    assert summary.rounds_ms == ()


@pytest.mark.parametrize("name", MSAME)
def test_msame(name):
    reports = msame_text.parse(text(name))

    found = [
        (
            report.average_ms,
            report.average_without_first_ms,
            len(report.rounds_ms),
            report.output_dir.rpartition("/")[2],
        )
        for report in reports
    ]
    assert found == MSAME[name]
    assert all(report.finished and not report.errors for report in reports)


@pytest.mark.parametrize("name", PERF)
def test_benchmark_files(name):
    rates = benchmark_text.parse_perf_file(text(name))

    assert (rates.interface_rate, rates.e2e_rate, rates.e2e_ms, rates.infer_latency_ms) == PERF[name]


@pytest.mark.parametrize("name", PURE)
def test_benchmark_pure_inference(name):
    found = benchmark_text.parse_pure(text(name))

    assert [(run.rate, run.latency_ms, run.cost_ms) for run in found] == PURE[name]


@pytest.mark.parametrize("name", SMI)
def test_npu_smi(name):
    versions, chips, count = SMI[name]

    table = smi_text.parse_info(text(name))

    assert (table.tool_version, table.driver_version) == versions
    assert len(table.chips) == count
    assert [
        (
            chip.npu_id,
            chip.chip_id,
            chip.name,
            chip.health,
            chip.device,
            chip.memory_used_mib,
            chip.memory_total_mib,
            chip.hbm_used_mib,
            chip.hbm_total_mib,
        )
        for chip in table.chips[:4]
    ] == chips


@pytest.mark.parametrize("name", SMI_REFUSED)
def test_npu_smi_refused(name):
    with pytest.raises(RunError) as caught:
        smi_text.parse_info(text(name))

    assert (caught.value.kind, caught.value.code) == ("infra", SMI_REFUSED[name])


def test_npu_smi_processes():
    busy = smi_text.parse_info(text("smi_300IDuo_310P3_25.0.rc1.1_busy_chip1"))
    nameless = smi_text.parse_info(text("smi_A3_process_table_empty_names"))
    idle = smi_text.parse_info(text("smi_310P3_23.0.0_npuid24_idle_process_table"))

    assert busy.processes == (smi_text.Process(6, 1, 293029, "python3.11", 6612),)
    assert [process.npu_id for process in nameless.processes] == [0, 0, 0, 0, 0, 1, 1]
    assert (idle.processes, idle.lists_processes) == ((), True)


@pytest.mark.parametrize(
    ("name", "percent"),
    [("smi_910B1_23.0.rc3.3_busy_glued_slash", [55, 66]), ("smi_910PremiumA_23.0.rc2_trimmed", [11, 90])],
)
def test_npu_smi_says_how_busy_the_cores_are(name, percent):
    assert [chip.aicore_percent for chip in smi_text.parse_info(text(name)).chips] == percent


@pytest.mark.parametrize("name", READINGS)
def test_npu_smi_readings(name):
    form, expected = READINGS[name]

    blocks = READERS[form](text(name))

    assert len(blocks) == len(expected)
    assert [
        (block.npu_id, block.chip_id, key, block.values.get(key))
        for block, (_, _, key, _) in zip(blocks, expected, strict=True)
    ] == expected


def test_npu_smi_mapping_skips_the_controller():
    found = smi_text.parse_mapping(text("smi_info_m_msit_placeholder"))

    assert found == (smi_text.Mapping(4, 0, 0, "<soc_version>"),)


@pytest.mark.parametrize("name", FAILURES)
def test_kinds_of_failures(name):
    assert (codes.error_kind(text(name), "tool-failed"), codes.smells_of_device(text(name))) == FAILURES[name]


@pytest.mark.parametrize("name", [*AIS, *MSAME, *PERF, *PURE, *SMI])
def test_good_runs_show_no_failure(name):
    assert codes.error_kind(text(name), "tool-failed") == "tool-failed"
    assert not codes.smells_of_device(text(name))


@pytest.mark.parametrize("name", VERSIONS)
def test_versions(name):
    assert version_files.cann_version(text(name)) == VERSIONS[name]


def test_driver_version():
    assert version_files.driver_version(text("driver_version_info_24.1.rc3_cat_n")) == "24.1.rc3"
