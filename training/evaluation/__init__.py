"""Metrics with intervals, leaderboard, behaviour, faithfulness."""
