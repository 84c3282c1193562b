"""What a Hugging Face Space runs: the viewer, on the address and port that Spaces expect."""

from evalboard.settings import load_settings
from leaderboard_app.app import serve

# Only the Hub's proxies reach a Space, from private networks.
PROXIES = "127.0.0.0/8, ::1, 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16"

serve(
    load_settings().model_copy(
        update={"viewer_host": "0.0.0.0", "viewer_port": 7860, "viewer_proxies": PROXIES}
    )
)
