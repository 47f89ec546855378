"""GPUs as the real pynvml reads them from a stand-in for the driver: what is seen, and what may go wrong."""

import getpass
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library

import pynvml
import pytest
from finetui.engines.hardware import Nvml, Snapshot, memory_of, visible_gpus
from nvml.stand_in import GIB, StandIn


@contextmanager
def a_process(**options: object) -> Iterator[int]:
    """A real process that does nothing; its pid."""
    with subprocess.Popen(["sleep", "60"], **options) as process:  # type: ignore[call-overload]
        try:
            yield process.pid
        finally:
            process.kill()


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_several_gpus_say_what_they_are_and_do(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, name="NVIDIA H100 80GB HBM3", memory_used_bytes=3 * GIB, utilisation=0.93)
    nvml_here.set_gpu(0, temperature_celsius=71, power_watts=650.5, clock_mhz=1755, ecc_uncorrected=2)
    nvml_here.set_gpu(1, name="NVIDIA L4", memory_total_bytes=24 * GIB, compute_capability=(8, 9))

    with Nvml() as nvml:
        seen = nvml.read()

    assert seen.problem is None
    assert (seen.driver, seen.cuda_driver) == ("580.95.05", "13.0")
    busy, idle = seen.gpus
    assert (busy.index, busy.name, busy.uuid[:4]) == (0, "NVIDIA H100 80GB HBM3", "GPU-")
    assert (busy.memory_total_bytes, busy.memory_used_bytes) == (80 * GIB, 3 * GIB)
    assert busy.memory_reserved_bytes == GIB // 2
    assert busy.memory_free_bytes == 80 * GIB - 3 * GIB - GIB // 2
    assert (busy.utilisation, busy.temperature_celsius, busy.clock_mhz) == (0.93, 71, 1755)
    assert (busy.power_watts, busy.power_limit_watts, busy.max_clock_mhz) == (650.5, 700.0, 1980)
    assert (busy.ecc_uncorrected, busy.compute_capability) == (2, (9, 0))
    assert (busy.error, busy.unread, busy.xid, busy.mig) == (None, (), None, False)
    assert (idle.index, idle.name, idle.memory_total_bytes) == (1, "NVIDIA L4", 24 * GIB)
    assert (idle.compute_capability, idle.utilisation, idle.processes) == ((8, 9), 0.0, ())


def test_another_program_sees_the_same_machine_by_its_environment(nvml: StandIn) -> None:
    nvml.set_gpu(0, name="NVIDIA GeForce RTX 4090")
    program = "from finetui.engines.hardware import Nvml; print(Nvml().read().gpus[0].name)"

    output = subprocess.run(
        [sys.executable, "-c", program], env=nvml.environment(), capture_output=True, text=True, check=True
    )

    assert output.stdout == "NVIDIA GeForce RTX 4090\n"


def test_our_memory_is_told_from_that_of_others_and_whose_they_are(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, memory_reserved_bytes=0)
    with a_process() as ours, a_process() as foreign, Nvml() as nvml:
        nvml_here.add_process(0, ours, 20 * GIB)
        nvml_here.add_process(0, foreign, 50 * GIB)
        (gpu,) = nvml.read().gpus

        assert memory_of(gpu, {ours}) == (20 * GIB, 50 * GIB, 10 * GIB)
        assert memory_of(gpu, ()) == (0, 70 * GIB, 10 * GIB)
        assert gpu.processes is not None
        by_pid = {process.pid: process for process in gpu.processes}
        assert by_pid[foreign].user == getpass.getuser()
        assert (by_pid[foreign].name, by_pid[foreign].command) == ("sleep", "sleep 60")

    # A process that has ended holds nothing.
    with Nvml() as nvml:
        assert memory_of(nvml.read().gpus[0], {ours}) == (0, 0, 80 * GIB)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another user's process")
def test_another_users_process_carries_that_users_name(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0)
    with a_process(user="nobody") as pid, Nvml() as nvml:
        nvml_here.add_process(0, pid, GIB)
        (gpu,) = nvml.read().gpus
    assert gpu.processes is not None
    assert [(process.pid, process.user) for process in gpu.processes] == [(pid, "nobody")]


def test_where_a_container_hides_processes_the_split_is_unknown_not_guessed(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, memory_used_bytes=30 * GIB, memory_reserved_bytes=0)
    with Nvml() as nvml:
        assert memory_of(nvml.read().gpus[0], {os.getpid()}) == (None, None, 50 * GIB)
        # The list itself is refused, or a process's memory is not told: no better known.
        nvml_here.fail("nvmlDeviceGetComputeRunningProcesses_v3", pynvml.NVML_ERROR_NO_PERMISSION)
        (gpu,) = nvml.read().gpus
        assert (gpu.processes, memory_of(gpu, {os.getpid()}).ours_bytes) == (None, None)
        nvml_here.fail("nvmlDeviceGetComputeRunningProcesses_v3", 0)
        nvml_here.add_process(0, os.getpid(), None)
        assert memory_of(nvml.read().gpus[0], {os.getpid()}).ours_bytes is None


def test_one_failing_value_is_named_and_leaves_the_others(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, utilisation=0.5, temperature_celsius=50)
    nvml_here.fail("nvmlDeviceGetUtilizationRates", pynvml.NVML_ERROR_UNKNOWN, gpu=0)
    with Nvml() as nvml:
        (gpu,) = nvml.read().gpus
    assert (gpu.utilisation, gpu.temperature_celsius, gpu.error) == (None, 50, None)
    assert gpu.unread == ("utilisation: Unknown Error",)


def test_what_a_gpu_does_not_have_is_absent_without_a_word(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, power_watts=None, power_limit_watts=None, ecc_uncorrected=None, mig=None)
    with Nvml() as nvml:
        (gpu,) = nvml.read().gpus
    assert (gpu.power_watts, gpu.power_limit_watts, gpu.ecc_uncorrected, gpu.unread) == (None, None, None, ())


def test_an_old_driver_is_asked_by_its_older_calls(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, memory_used_bytes=0, memory_reserved_bytes=GIB, temperature_celsius=40)
    for call in ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTemperatureV"):
        nvml_here.fail(call, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    with Nvml() as nvml:
        (gpu,) = nvml.read().gpus
    assert (gpu.memory_used_bytes, gpu.memory_reserved_bytes) == (GIB, None)
    assert memory_of(gpu, ()).others_bytes == GIB  # reserved by the driver, not hidden processes'
    assert gpu.temperature_celsius == 40


def test_a_gpu_that_falls_off_the_bus_keeps_its_name_and_the_others_go_on(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, name="the unlucky one")
    nvml_here.set_gpu(1, temperature_celsius=44)
    with Nvml() as nvml:
        nvml.read()
        nvml_here.lose_gpu(0)
        nvml_here.report_xid(1, 31)
        lost, other = nvml.read().gpus
        assert (lost.name, lost.memory_total_bytes, lost.processes) == ("the unlucky one", None, None)
        assert lost.error is not None
        assert "fallen off the bus" in lost.error
        assert (other.error, other.temperature_celsius) == (None, 44)
        # Its loss doesn't make the reader deaf for the faults of the others.
        nvml_here.report_xid(1, 43)
        xid = nvml.read().gpus[1].xid
        assert xid is not None
        assert xid.code == 43

        nvml_here.lose_gpu(0, code=0)
        assert [gpu.error for gpu in nvml.read().gpus] == [None, None]


def test_a_gpu_lost_before_we_looked_is_listed_as_such(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0)
    nvml_here.set_gpu(1)
    nvml_here.lose_gpu(0, pynvml.NVML_ERROR_RESET_REQUIRED)
    with Nvml() as nvml:
        broken, well = nvml.read().gpus
        assert broken.error is not None
        assert "nvidia-smi -r" in broken.error
        assert well.error is None

        nvml_here.report_xid(1, 31)
        assert nvml.read().gpus[1].xid is not None  # the others' faults are still heard

        nvml_here.lose_gpu(0, code=0)
        mended = nvml.read().gpus[0]
        assert (mended.error, mended.uuid[:12]) == (None, "GPU-00000000")


def test_a_driver_that_goes_away_is_a_problem_in_words_and_found_again(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0)
    clock = Clock()
    with Nvml(monotonic=clock) as nvml:
        assert nvml.read().problem is None

        nvml_here.driver_goes()
        seen = nvml.read()
        assert seen.gpus == ()
        assert seen.problem is not None
        assert seen.problem.startswith("the NVIDIA driver went away (Uninitialized)")
        assert nvml.read().problem == seen.problem  # not asked again at once: opening can take seconds
        clock.seconds += 1
        assert "sudo modprobe nvidia" in (nvml.read().problem or "")

        nvml_here.driver_comes_back()
        assert nvml.read().problem is not None
        clock.seconds += 2
        seen = nvml.read()
        assert (seen.problem, len(seen.gpus)) == (None, 1)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "no NVIDIA driver found"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "not loaded"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "reboot"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "/dev/nvidia"),
        (pynvml.NVML_ERROR_UNKNOWN, "does not open: Unknown Error"),
    ],
)
def test_a_driver_that_does_not_open_says_why_and_what_helps(
    nvml_here: StandIn, code: int, words: str
) -> None:
    nvml_here.refuse_to_open(code)
    with Nvml() as nvml:
        assert words in (nvml.read().problem or "")


@pytest.mark.skipif(find_library("nvidia-ml") is not None, reason="this machine has an NVIDIA driver")
def test_no_driver_at_all() -> None:
    program = "from finetui.engines.hardware import Nvml; print(Nvml().read().problem)"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert output.stdout.startswith("no NVIDIA driver found")


def test_a_driver_without_gpus(nvml_here: StandIn) -> None:
    with Nvml() as nvml:
        seen = nvml.read()
        assert (seen.gpus, seen.driver) == ((), "580.95.05")
        assert "no GPU" in (seen.problem or "")
        nvml_here.set_gpu(0)
        assert nvml.read().problem is None


def test_what_holds_the_clocks_down_is_said_in_words(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, throttle_reasons=0x1)  # idle
    with Nvml() as nvml:
        assert nvml.read().gpus[0].throttled == ()
        nvml_here.set_gpu(0, throttle_reasons=0x4 | 0x20)
        assert nvml.read().gpus[0].throttled == ("power cap", "too hot")


def test_an_xid_fault_stays_with_its_gpu(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0)
    nvml_here.set_gpu(1)
    nvml_here.report_xid(0, 13)
    with Nvml() as nvml:
        assert [gpu.xid for gpu in nvml.read().gpus] == [None, None]  # what was before we looked is not told
        nvml_here.report_xid(1, 79)
        first, second = nvml.read().gpus
        assert first.xid is None
        assert second.xid is not None
        assert (second.xid.code, second.xid.meaning) == (79, "the GPU has fallen off the bus")
        assert nvml.read().gpus[1].xid == second.xid
        nvml_here.report_xid(1, 777)
        again = nvml.read().gpus[1].xid
        assert again is not None
        assert (again.code, again.meaning) == (777, "see NVIDIA's list of Xid errors")


def test_a_driver_that_reports_no_faults_is_read_all_the_same(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0)
    nvml_here.fail("nvmlEventSetCreate", pynvml.NVML_ERROR_NOT_SUPPORTED)
    with Nvml() as nvml:
        assert nvml.read().gpus[0].error is None


def test_a_gpu_cut_by_mig_shows_its_slices(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0)
    small = nvml_here.add_slice(0, 0)
    large = nvml_here.add_slice(0, 2, memory_total_bytes=40 * GIB)
    nvml_here.add_process(0, os.getpid(), 4 * GIB, place=2)
    with Nvml() as nvml:
        (gpu,) = nvml.read().gpus
    assert (gpu.mig, [cut.uuid for cut in gpu.slices]) == (True, [small, large])
    first, second = gpu.slices
    assert (first.parent, first.index, first.processes) == (gpu.uuid, 0, ())
    assert (first.memory_total_bytes, first.power_watts) == (10 * GIB, None)
    assert second.name == "NVIDIA H100 80GB HBM3 MIG 1g.40gb"
    assert memory_of(second, {os.getpid()}) == (4 * GIB, 0, 36 * GIB)
    assert gpu.unread == ()


@pytest.fixture
def two_gpus_and_a_cut_one(nvml_here: StandIn) -> Snapshot:
    """GPU 0 and 1 whole ("GPU-aaaa1", "GPU-aaab2"), GPU 2 cut in two slices."""
    nvml_here.set_gpu(0, uuid="GPU-aaaa1")
    nvml_here.set_gpu(1, uuid="GPU-aaab2")
    nvml_here.set_gpu(2, uuid="GPU-cccc3")
    nvml_here.add_slice(2, 0)
    nvml_here.add_slice(2, 1)
    with Nvml() as nvml:
        return nvml.read()


SLICES = ["MIG-00000002-dddd-eeee-ffff-000000000000", "MIG-00000002-dddd-eeee-ffff-000000000001"]


@pytest.mark.parametrize(
    ("value", "uuids"),
    [
        (None, ["GPU-aaaa1", "GPU-aaab2", *SLICES]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0", ["GPU-aaaa1"]),
        ("1,0", ["GPU-aaab2", "GPU-aaaa1"]),
        (" 1 , 0", ["GPU-aaab2", "GPU-aaaa1"]),
        ("1,7,0", ["GPU-aaab2"]),  # the list ends at what is not there
        ("1,-1,0", ["GPU-aaab2"]),
        ("0,0", []),  # twice the same leaves nothing
        ("1gpu", ["GPU-aaab2"]),  # strtoul
        ("2", SLICES[:1]),  # CUDA takes the first slice of a cut GPU
        ("GPU-aaab2", ["GPU-aaab2"]),
        ("GPU-aaab,GPU-aaaa", ["GPU-aaab2", "GPU-aaaa1"]),
        ("GPU-aaa", []),  # could be both
        ("GPU-aaaa1,GPU-aaaa", []),  # the same, twice
        ("GPU-aaaa1,1", ["GPU-aaaa1"]),
        ("GPU-cccc3", []),  # a cut GPU cannot compute itself
        (SLICES[1], SLICES[1:]),
        (f"{SLICES[1]},{SLICES[0]}", SLICES[::-1]),
    ],
)
def test_cuda_visible_devices_is_obeyed(
    two_gpus_and_a_cut_one: Snapshot, value: str | None, uuids: list[str]
) -> None:
    environment = {} if value is None else {"CUDA_VISIBLE_DEVICES": value}
    assert [gpu.uuid for gpu in visible_gpus(two_gpus_and_a_cut_one, environment)] == uuids
