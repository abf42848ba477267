"""The sample city: one invented scene, and the survey deliveries that are derived from it."""
