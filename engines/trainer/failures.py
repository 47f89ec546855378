"""What can go wrong, in the words of docs/job.md: a reason from a closed list, a message, a way out."""

from __future__ import annotations

import errno
import traceback
from typing import Literal, get_args

Reason = Literal[
    "out_of_memory",
    "host_memory",
    "disk_full",
    "data",
    "killed",
    "model_not_found",
    "gated_model",
    "missing_package",
    "wrong_version",
    "not_finite",
    "unsupported",
    "bug",
]
REASONS: tuple[str, ...] = get_args(Reason)


class Failure(Exception):
    """The job cannot go on, and we know why.

    Args:
        reason: one of `REASONS`.
        message: what happened, for a person; names the file, line or value.
        advice: what that person can do about it.
    """

    def __init__(self, reason: Reason, message: str, advice: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
        self.advice = advice

    def as_json(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message, "advice": self.advice}


SMALLER = (
    "Lower micro_batch_size (the update stays the same), then max_length; turn gradient_checkpointing on; "
    "or take method qlora or a smaller model."
)


def classify(error: BaseException, doing: str = "") -> Failure:
    """The failure that an exception means.

    Libraries raise one thing from another, so the whole chain of causes is looked at. What nobody
    recognises is our bug, and its traceback belongs in the log.

    Args:
        error: what was raised.
        doing: what was being done, for the message ("rehearsing", "training").
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    for one in seen:
        failure = _recognised(one, f" while {doing}" if doing else "")
        if failure is not None:
            return failure
    last = traceback.extract_tb(error.__traceback__)[-1:] if error.__traceback__ else []
    where = f" ({last[0].filename.rsplit('/', 1)[-1]}:{last[0].lineno})" if last else ""
    return Failure(
        "bug",
        f"{type(error).__name__}{where}: {_first_line(error)}",
        "The traceback is in the job's log; please report it with the job's plan.json.",
    )


def _recognised(error: BaseException, while_doing: str) -> Failure | None:
    """Names rather than classes: those classes live in libraries that may not be importable here."""
    names = {kind.__name__ for kind in type(error).__mro__}
    text, said = str(error), _first_line(error)
    if isinstance(error, Failure):
        return error
    if "OutOfMemoryError" in names or "CUDA out of memory" in text or "CUBLAS_STATUS_ALLOC_FAILED" in text:
        return Failure("out_of_memory", f"The GPU's memory ran out{while_doing}: {said}", SMALLER)
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return Failure("host_memory", f"This machine's memory ran out{while_doing}: {said}", SMALLER)
    if _is_disk_full(error):
        return Failure(
            "disk_full",
            f"The disk is full{while_doing}: {said}",
            "Free space on the disk of the job (and of the hub's cache), then resume.",
        )
    if names & {"GatedRepoError"} or _status(error) in (401, 403):
        return Failure(
            "gated_model",
            f"The hub does not let this account read the model: {said}",
            "Accept the model's licence on its page at huggingface.co, and log in with `hf auth login` or "
            "HF_TOKEN.",
        )
    if names & {
        "RepositoryNotFoundError",
        "RevisionNotFoundError",
        "EntryNotFoundError",
        "HFValidationError",
    }:
        advice = "Check the model's name and revision; a private model needs HF_TOKEN."
        if names & {"LocalEntryNotFoundError"}:
            advice = "Go online and run `finetui` again, or give a folder that holds the model."
        return Failure("model_not_found", f"The model was not found: {said}", advice)
    if names & {"OfflineModeIsEnabled", "ConnectionError", "ConnectError", "ConnectTimeout"}:
        return Failure(
            "model_not_found",
            f"The hub cannot be reached, and the model is not in its cache: {said}",
            "Go online (unset HF_HUB_OFFLINE), or give a folder that holds the model.",
        )
    if isinstance(error, ModuleNotFoundError):
        return Failure(
            "missing_package",
            f"The trainer's interpreter lacks the package {error.name}.",
            "Install it into that interpreter, or make a tested environment with `finetui setup trainer`.",
        )
    if isinstance(error, ImportError):
        return Failure(
            "wrong_version",
            f"The trainer's packages do not fit together: {said}",
            "Make a tested environment with `finetui setup trainer`.",
        )
    if "trust_remote_code" in text:
        return Failure(
            "unsupported",
            "This model brings Python code of its own, which was not allowed to run.",
            "Read that code; then allow it for this model, or choose a model that transformers knows.",
        )
    return None


def _is_disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # safetensors and torch wrap the system's error in their own, and only its text survives.
    return "No space left on device" in str(error) or "os error 28" in str(error)


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[
        :400
    ]
