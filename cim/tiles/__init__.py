"""Writers and readers of tile formats."""
