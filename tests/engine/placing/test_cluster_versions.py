import pytest
import ray
from ray._private.utils import check_version_info

from evalboard.engine.placing.cluster import refusals
from evalboard.errors import ConfigError, NodeLost


def test_a_cluster_of_another_version_is_the_operators_to_mend() -> None:
    of_cluster = {"ray_version": "1.0.0", "python_version": "3.6.0"}
    wanted = rf"'ray://host'.* Ray: 1\.0\.0 .* Ray: {ray.__version__} .*RAY_ADDRESS"
    with pytest.raises(ConfigError, match=wanted), refusals("ray://host"):
        check_version_info(of_cluster, "this machine")


def test_other_errors_stay() -> None:
    with pytest.raises(RuntimeError, match="odd"), refusals("ray://host"):
        raise RuntimeError("odd")


def test_a_cluster_that_does_not_answer_says_nothing_about_the_model() -> None:
    with (
        pytest.raises(NodeLost, match="'host:6379' does not answer.* token"),
        refusals("host:6379"),
    ):
        raise ConnectionError("Failed to connect to Ray cluster at host:6379")
