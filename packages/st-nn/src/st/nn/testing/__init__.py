"""What authors of operators and backends test with.

`gradcheck` compares a derivative with finite differences; `st.nn.testing.suite.operator_suite`
is every operator on one backend, as tests.
"""

from st.nn.testing.case import OperatorCase
from st.nn.testing.cases import operator_cases
from st.nn.testing.gradient import GradientMismatchError, gradcheck

__all__ = ["GradientMismatchError", "OperatorCase", "gradcheck", "operator_cases"]
