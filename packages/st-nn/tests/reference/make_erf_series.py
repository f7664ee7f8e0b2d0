"""Print the factors by which st.nn.ops.erf computes in float32: erf(x) = tanh(x * series(x * x)).

    python make_erf_series.py

Weighted least squares, each weight multiplied by the error it left (Lawson 1961), which leads to
the smallest relative error of the result on the whole range.
"""

import math

import numpy as np

N_FACTORS, LAST, N_POINTS, N_ROUNDS = 7, 4.2, 4000, 400


def main() -> None:
    """Fit, and print the factors of x, x^3, … with the largest relative error."""
    x = np.linspace(1e-3, LAST, N_POINTS)
    exact = np.array([math.erf(value) for value in x])
    rest = np.array([math.erfc(value) for value in x])
    goal = 0.5 * np.log((2 - rest) / rest) / x
    # By how much an error of the series changes the result, relatively.
    counts = (1 - exact**2) * x / exact
    powers = (x / LAST)[:, None] ** (2 * np.arange(N_FACTORS))
    weights, best, found = np.ones(N_POINTS), math.inf, np.zeros(N_FACTORS)
    for _ in range(N_ROUNDS):
        scale = counts * np.sqrt(weights)
        factors = np.linalg.lstsq(powers * scale[:, None], goal * scale, rcond=None)[0]
        off = np.abs((powers @ factors - goal) * counts)
        if off.max() < best:
            best, found = float(off.max()), factors / LAST ** (2 * np.arange(N_FACTORS))
        weights = np.maximum(weights * (off / off.max() + 1e-9), 1e-12)
        weights /= weights.sum()
    print(best, *(f"{factor:.9g}" for factor in found), sep="\n")


if __name__ == "__main__":
    main()
