"""A Gaussian process over answers and costs: what a candidate not yet trained may reach."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LENGTHS = (0.7, 1.5, 3.0)
"""How many answers two candidates may differ in before one tells little of the other."""

NOISES = (1e-3, 1e-2, 1e-1, 0.4)
"""Shares of the variance that no model explains: seeds, and what answers and costs leave out."""

_erf = np.vectorize(math.erf, otypes=[float])


@dataclass(frozen=True, kw_only=True)
class Points:
    """Candidates as a model sees them: (n, holes) answers as codes or numbers, (n, costs) logs."""

    answers: Floats
    costs: Floats

    def __getitem__(self, index: NDArray[np.intp]) -> Points:
        return Points(answers=self.answers[index], costs=self.costs[index])


def likeness(some: Points, others: Points, length: float) -> Floats:
    """How alike candidates are, (n, m) from 0 to 1: answer by answer, as a whole, and in costs.

    The sum of three kernels, so a model of main effects, of interactions and of what size alone
    explains; each is positive definite.
    """
    apart = np.zeros((len(some.answers), len(others.answers)))
    same = np.zeros_like(apart)
    for mine, theirs in zip(some.answers.T, others.answers.T, strict=True):
        step = np.minimum(np.abs(mine[:, None] - theirs), 1.0)
        apart += step
        same += 1.0 - step
    size = ((some.costs[:, None] - others.costs) ** 2).sum(axis=2)
    alike = same / max(1, some.answers.shape[1]) + np.exp(-apart / length)
    return np.asarray((alike + np.exp(-size / 2)) / 3)


class Process:
    """Fitted to the values of some candidates; foresees those of others."""

    def __init__(self, points: Points, values: Floats) -> None:
        """Takes the length and the noise of the greatest likelihood."""
        self._points = points
        self._mean, self._scale = float(values.mean()), float(values.std()) or 1.0
        scaled = (values - self._mean) / self._scale
        fits = [_fit(likeness(points, points, a), scaled, b) for a in LENGTHS for b in NOISES]
        best = int(np.argmax([each[0] for each in fits]))
        self._length = LENGTHS[best // len(NOISES)]
        _, self._root, self._weights = fits[best]

    def foresee(self, points: Points) -> tuple[Floats, Floats]:
        """Means and standard deviations, each (n,)."""
        across = likeness(points, self._points, self._length)
        inner = np.linalg.solve(self._root, across.T)
        variance = np.maximum(1.0 - (inner**2).sum(axis=0), 1e-9)
        mean = self._mean + self._scale * (across @ self._weights)
        return mean, self._scale * np.sqrt(variance)


def _fit(kernel: Floats, values: Floats, noise: float) -> tuple[float, Floats, Floats]:
    """The log-likelihood, the root of the kernel with noise, and the weights of the values."""
    root = np.linalg.cholesky(kernel + (noise + 1e-8) * np.eye(len(values)))
    weights = np.linalg.solve(root.T, np.linalg.solve(root, values))
    likelihood = -0.5 * float(values @ weights) - float(np.log(np.diag(root)).sum())
    return likelihood, np.asarray(root), np.asarray(weights)


def expected_improvement(mean: Floats, spread: Floats, best: Floats) -> Floats:
    """How much a normal variable exceeds some bests in expectation (Jones et al. 1998, eq. 15)."""
    ahead = (mean - best) / spread
    density = np.exp(-0.5 * ahead**2) / math.sqrt(2 * math.pi)
    return np.asarray(spread * (ahead * 0.5 * (1 + _erf(ahead / math.sqrt(2))) + density))
