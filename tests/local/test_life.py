"""A job from its creation to its result, and what can be talked to of it."""

from finetui.engines.states import JobState
from local.workbench import Workbench

S = JobState


def test_a_job_is_trained_to_its_end_and_leaves_nothing_behind(bench: Workbench) -> None:
    job = bench.start()
    with bench.watched(job):
        state = bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)
    assert (state.phase, state.reason, state.message, state.waiting_for) == (None, None, None, None)
    assert (state.supervisor, state.trainer, state.peak_memory_bytes) == (None, None, 1 << 20)
    bench.wait_until(lambda: not bench.processes())
    assert bench.home.scheduler_log.read_text() == ""


def test_the_state_follows_the_trainer(bench: Workbench) -> None:
    bench.steer(hold=["tokenising"])
    job = bench.start()
    state = bench.wait_for(job, lambda state: state.phase == "tokenising")
    assert state.state == S.running
    bench.steer(hold=["training@7"])
    state = bench.wait_for(job, lambda state: state.step == 7)
    assert (state.phase, state.done, state.total, state.total_steps) == ("training", 7, 20, 20)
    assert (state.loss, state.first_eval_loss, state.eval_loss) == (0.285714, 3, 0.5)
    assert state.supervisor is not None
    assert state.supervisor.alive()
    assert state.trainer is not None
    assert [process.pid for process in bench.trainers(job)] == [state.trainer.pid]
    bench.steer(hold=None)
    bench.wait_for(job, S.succeeded)


def test_what_the_trainer_started_does_not_outlive_it(bench: Workbench) -> None:
    # Every test looks whether something lives on, and `sleep` would for ten minutes.
    bench.steer(child=True)
    job = bench.start()
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_settled(job)


def test_result_checkpoints_and_base_can_be_talked_to(bench: Workbench) -> None:
    job = bench.start(method="lora")
    bench.wait_for(job, S.succeeded)
    models = bench.engine.models(job)
    assert [model.label for model in models] == ["bot", "bot@20", "bot@15", "bot@10", "bot@5", "bot@base"]
    assert models[0].adapter == job.paths.result
    assert models[1].adapter == job.paths.checkpoints / "checkpoint-20"
    assert models[-1].adapter is None
    assert {model.base for model in models} == {str(bench.model)}
    assert {model.python for model in models} == {str(bench.python)}


def test_a_fully_trained_result_is_a_base_of_its_own(bench: Workbench) -> None:
    job = bench.start(method="full")
    bench.wait_for(job, S.succeeded)
    models = bench.engine.models(job)
    assert (models[0].base, models[0].adapter) == (str(job.paths.result), None)
    assert models[-1].base == str(bench.model)
