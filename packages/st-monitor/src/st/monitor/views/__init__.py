"""What one can look at: pure functions from recorded data to pages."""
