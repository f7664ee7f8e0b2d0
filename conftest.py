"""No test asserts how fast the machine is: Hypothesis' clock is off in every distribution's tests."""

from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
