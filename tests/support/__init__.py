"""What tests share; imported as `tests.support`."""
