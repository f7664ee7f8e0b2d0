"""Estimators for scikit-learn: models of ours in its pipelines, searches and scores.

    >>> from sklearn.datasets import load_iris
    >>> from st.nn.estimator import StClassifier
    >>> x, y = load_iris(return_X_y=True)
    >>> StClassifier(hidden=(16,), lr=0.01, random_state=7).fit(x, y).score(x, y) > 0.95
    True

Needs the extra ``st-nn[sklearn]``.
"""

from st.nn.estimator.classifier import StClassifier
from st.nn.estimator.regressor import StRegressor

__all__ = ["StClassifier", "StRegressor"]
