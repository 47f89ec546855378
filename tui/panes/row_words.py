"""What the page of a dataset says above a row: where one is, what is trained of it, and how that ends."""

from __future__ import annotations

from textual.content import Content

from ...engines.datasets.kept.checked import Checked, Reached
from ...engines.datasets.kept.counts import Counted
from ...engines.datasets.tokens.preview import PreviewModel, Rendered
from ...engines.datasets.viewing.rows import NumberedRow, Rows
from ...engines.text import one_line
from .row import TRAINED
from .wording import percent, plural


def standing(checked: Checked | None, reached: Reached | None = None, target: str | None = None) -> Content:
    """What a check found in the file, in brief.

    Args:
        checked: None while that is not known.
        reached: how far the check is.
        target: by whose rules it is.
    """
    by = f"for {target}: " if target else ""
    if checked is None:
        share = percent(reached.bytes / reached.size_bytes) if reached and reached.size_bytes else ""
        return Content.styled(f"{by}checking {share or '…'}", "$quiet")
    parts: list[tuple[str, str]] = [(by.strip(), "$quiet")] if by else []
    if checked.errors:
        parts.append((f"✗ {plural(checked.errors, 'error')}", "$error"))
    if checked.warnings:
        parts.append((f"! {plural(checked.warnings, 'warning')}", "$warning"))
    if not checked.errors and not checked.warnings:
        parts.append(("✓ no problems", "$success"))
    return Content(" " if by else "  ").join(Content.styled(*part) for part in parts)


def kind(check: str) -> str:
    """A check in words, from its id."""
    return check.replace("-", " ")


def step(place: int, count: int, *, share: float | None = None, what: str = "") -> str:
    """Which of the rows one is at that are gone through.

    Args:
        place: counted from 1; 0: none of them.
        share: of the file that was searched; None: all of it.
        what: they are, where there are some.
    """
    more = "" if share is None else f", searching {percent(share)} …"
    if not count:
        return "no row has these words" if share is None else f"searching {percent(share)} …"
    first = f"{place:,} of " if place else ""
    return f"{first}{plural(count, 'row')}{what}{more}"


def place(
    number: int,
    rows: Rows,
    row: NumberedRow | None,
    rendered: Rendered | None,
    goal: tuple[str, int] | None,
    counted: int | None,
) -> Content:
    """Where one is, and how much of it is trained.

    Args:
        number: of the row, counted from 0.
        goal: where one wants to go, while that is not found yet: ("row", number from 0) or ("line", line).
        counted: rows whose tokens are counted, while they are.
    """
    more = "" if rows.complete else " …"
    parts = [f"row {number + 1:,} of {len(rows):,}{more}"]
    if row is not None:
        parts.append(f"line {row.line:,}")
    if rendered is not None and rendered.tokens:
        share = percent(rendered.trained / len(rendered.tokens))
        parts.append(f"{plural(len(rendered.tokens), 'token')}, {rendered.trained:,} trained ({share})")
    if goal is not None:
        kind, wanted = goal
        if wanted < 10**12:
            parts.append(f"looking for {kind} {wanted + (kind == 'row'):,} …")
        else:
            parts.append("looking for the last one …")
    if counted is not None:
        parts[1:] = [f"counting tokens: {counted:,} of {len(rows):,} rows …"]
    return Content.assemble((parts[0], "bold"), *(f" · {part}" for part in parts[1:]))


def as_model(model: PreviewModel | None) -> list[Content]:
    """Whose view it is, ever shorter."""
    if model is None:
        return []
    name = one_line(model.name, 200)
    last = name.rpartition("/")[2][:24]
    return [Content.styled(f"as {text}", "$quiet") for text in (name, "/".join(name.split("/")[-2:]), last)]


def learned(
    row: NumberedRow | None, rendered: Rendered | None, model: PreviewModel | None, *, sought: bool
) -> tuple[Content, list[Content]]:
    """How a row ends, or why it is not rendered; and what the signs mean, ever shorter.

    Args:
        sought: whether a model was looked for already.
    """
    bar = ("▌ ", TRAINED)
    signs = [
        Content.assemble(bar, ("trained   ⟨ ⟩ special token   ↵ line break", "$quiet")),
        Content.assemble(bar, ("trained  ⟨ ⟩ special", "$quiet")),
        Content.assemble(bar, ("trained", "$quiet")),
    ]
    if row is None:
        return Content.styled("reading …", "$quiet"), []
    if row.row is None:
        return Content.styled("✗ not usable, as it stands in the file", "$error"), []
    if model is None:
        text = "as it is stored, without a template: m chooses a model" if sought else ""
        return Content.styled(text, "$quiet"), signs[2:]
    if rendered is None:
        return Content.styled("rendering … (as it is stored, meanwhile)", "$quiet"), signs[2:]
    if rendered.error is not None:
        return Content.styled("✗ not rendered; as it is stored", "$error"), signs[2:]
    if not rendered.ends:
        return Content.styled("✗ never ends: the model will not learn to stop", "$error"), signs
    if rendered.begins > 1:
        return Content.styled(f"! has {rendered.begins} begin tokens instead of one", "$warning"), signs
    return Content.styled("✓ ends with its end token", "$success"), signs


def counted(result: Counted) -> str:
    """The tokens of a whole file."""
    refused = f"; the template refuses {plural(result.refused, 'row')}" if result.refused else ""
    return f"{plural(result.rows, 'row')}: {tokens(result.tokens, result.trained_tokens)}{refused}."


def tokens(total: int, trained: int) -> str:
    """Tokens, and the share of them that is trained."""
    return f"{plural(total, 'token')}, {percent(trained / total) if total else 'none'} trained"
