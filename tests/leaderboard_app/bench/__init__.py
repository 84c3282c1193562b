"""How fast the viewer is with 10,000 models: `python -m tests.leaderboard_app.bench`."""
