"""`st doctor`: what is installed, what works, and what mends the rest."""

from st.cli.doctor.command import doctor, examine
from st.cli.doctor.finding import Finding, Status

__all__ = ["Finding", "Status", "doctor", "examine"]
