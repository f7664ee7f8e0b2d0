"""The plugin runtime."""
