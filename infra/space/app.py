"""What a Hugging Face Space runs: the viewer, on the address and port that Spaces expect."""

from evalboard.settings import load_settings
from leaderboard_app.app import serve

serve(load_settings().model_copy(update={"viewer_host": "0.0.0.0", "viewer_port": 7860}))
