"""Version files of CANN and of the driver."""

import pytest

from harness.ascend.version_files import Toolkit, cann_version, driver_version, toolkit_info


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "# version: 1.0\nruntime_running_version=[7.5.0.1:8.0.RC3]\ntoolkit_running_version=[7.5.0.1:8.0.RC3]\n",
            "8.0.RC3",
        ),
        ("runtime_running_version=[1.84.15:6.0.1]\ntoolkit_upgrade_version=[1.85:6.0.2]\n", "6.0.1"),
        ("opp_running_version=[7.6.T13.0.B094:8.0.T63]\n", "8.0.T63"),
        ("toolkit_installed_version=[1.83:5.1.RC2][1.84:6.0.0]\n", "6.0.0"),
        ("runtime_running_version=[1:7.0.0]\ntoolkit_running_version=[1:8.0.0]\n", "8.0.0"),
        ("     1\t# version: 1.0\n     2\ttoolkit_running_version=[7.6.0.1.220:8.0.0]\n", "8.0.0"),
        ("    12  toolkit_running_version=[7.6.0.1.220:8.0.0]\n", "8.0.0"),
        ("toolkit_running_version=8.0.0\n", ""),
        ("", ""),
    ],
)
def test_the_version_of_cann_is_the_running_toolkits(text, version):
    assert cann_version(text) == version


def test_the_install_file_is_read():
    text = (
        "package_name=Ascend-cann-toolkit\nversion=8.0.RC3\ninnerversion=V1\n"
        "compatible_version=[V1],[V2]\narch=aarch64\nos=linux\npath=/opt/Ascend/8.0.RC3/aarch64-linux\n"
    )

    assert toolkit_info(text) == Toolkit(
        "Ascend-cann-toolkit", "8.0.RC3", "V1", "aarch64", "linux", "/opt/Ascend/8.0.RC3/aarch64-linux"
    )
    assert toolkit_info("nothing") == Toolkit()


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Version=24.1.rc3\nascendhal_version=7.35.23\npackage_version=24.1.rc4\n", "24.1.rc3"),
        ("     1\tVersion=24.1.rc3\n     2\tpackage_version=24.1.rc3\n", "24.1.rc3"),
        ("ascendhal_version=7.35.23\npackage_version=23.0.0\n", "23.0.0"),
        ("ascendhal_version=7.35.23\n", ""),
        ("", ""),
    ],
)
def test_the_version_of_the_driver_is_read(text, version):
    assert driver_version(text) == version
