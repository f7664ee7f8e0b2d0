"""What is used of scikit-learn, in one place, and what to do where it is missing."""

from __future__ import annotations

try:
    from sklearn.base import BaseEstimator as BaseEstimator
    from sklearn.base import ClassifierMixin as ClassifierMixin
    from sklearn.base import RegressorMixin as RegressorMixin
    from sklearn.utils import check_random_state as check_random_state
    from sklearn.utils.multiclass import (
        check_classification_targets as check_classification_targets,
    )
    from sklearn.utils.validation import check_is_fitted as check_is_fitted
    from sklearn.utils.validation import validate_data as validate_data
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"the estimators of st.nn need scikit-learn ({error}); "
        "install it with: pip install 'st-nn[sklearn]'",
        name=error.name,
    ) from None
