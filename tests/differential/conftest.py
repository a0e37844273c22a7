import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """Ours from the build, Go's built here: it has no module but its own, so nothing is fetched."""
    go = tmp_path_factory.mktemp("go") / "go-reader"
    subprocess.run(["go", "build", "-o", go, "."], cwd=HERE / "go", check=True, env={**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"})
    return SimpleNamespace(ours=Path(os.environ["DS01_DIFFERENTIAL"]), go=go)
