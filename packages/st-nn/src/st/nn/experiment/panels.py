"""What a run adds to its report."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from st.core.panels import Images, Matrix, Panel, Panels, Table
from st.nn.data import Dataset
from st.nn.evaluation import Evaluation

_MOST_IMAGES = 24
_MOST_ROWS = 10


def add_panels(reports: Panels, run_id: str, held_out: Dataset, evaluation: Evaluation) -> None:
    """Add confusion matrix and mistakes to the report of a run; of numbers, the worst rows.

    Of a text nothing is added: single characters tell nobody anything.
    """
    if held_out.is_text:
        return
    if not held_out.classes:
        reports.add(run_id, _worst_rows(held_out, evaluation))
        return
    names = held_out.classes
    counts = confusion(held_out, evaluation)
    note = f"{evaluation.n_correct} of {len(held_out)} rows held out are on the diagonal."
    reports.add(
        run_id,
        Panel("Confusion", Matrix(names, names, counts.tolist(), "is", "model says"), note),
    )
    wrong = mistakes(held_out, evaluation)
    pictures = [picture(held_out.x[index]) for index in wrong[:_MOST_IMAGES]]
    if pictures and all(each is not None for each in pictures):
        captions = [mistake_caption(held_out, evaluation, index) for index in wrong[:_MOST_IMAGES]]
        images = [each.tolist() for each in pictures if each is not None]
        note = f"{len(wrong)} rows the model got wrong; what it is → what the model says."
        reports.add(run_id, Panel("Mistakes", Images(images, captions), note))


def _worst_rows(held_out: Dataset, evaluation: Evaluation) -> Panel:
    rows = [
        (int(held_out.rows[index]), float(held_out.y[index, 0]), float(said[0]))
        for index in mistakes(held_out, evaluation)[:_MOST_ROWS]
        for said in (evaluation.predicted[index],)
    ]
    return Panel("Furthest off", Table(("row", "is", "model says"), rows), "Rows held out.")


def confusion(data: Dataset, evaluation: Evaluation) -> NDArray[np.int64]:
    """Return how often class i was taken for class j: shape `(classes, classes)`."""
    n = len(data.classes)
    return np.bincount(data.y * n + evaluation.predicted, minlength=n * n).reshape(n, n)


def mistakes(data: Dataset, evaluation: Evaluation) -> list[int]:
    """Return the indices of the examples the model got wrong, in the order of the data.

    Of numbers all are wrong: the furthest off come first.
    """
    if not data.classes:
        distance = np.abs(evaluation.predicted - data.y).max(axis=1)
        return [int(index) for index in np.argsort(-distance, kind="stable")]
    return [int(index) for index in np.flatnonzero(data.y != evaluation.predicted)]


def mistake_caption(data: Dataset, evaluation: Evaluation, index: int) -> str:
    """Return what an example is and what the model says: ``8→1``."""
    if not data.classes:
        return f"{data.y[index, 0]:.4g}→{evaluation.predicted[index, 0]:.4g}"
    return f"{data.classes[data.y[index]]}→{data.classes[evaluation.predicted[index]]}"


def picture(example: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return an example as a grey image with values 0 to 1, or None where it is no image."""
    pixels = example.squeeze()
    if pixels.ndim != 2:
        return None
    low, high = pixels.min(), pixels.max()
    grey: NDArray[np.float32] = (pixels - low) / (high - low if high > low else 1)
    return grey
