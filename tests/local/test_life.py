"""A job from its creation to its result, and every command on the way."""

from finetui.engines.states import JobState
from local.workbench import Workbench


def test_a_job_is_trained_to_its_end_and_leaves_nothing_behind(bench: Workbench) -> None:
    job = bench.start()
    with bench.watched(job):
        bench.wait_for(job, JobState.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)
