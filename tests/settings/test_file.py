from pathlib import Path

import pytest

from bpx.errors import BadOption
from bpx.settings import load


def test_a_section_of_a_config_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("# [no section]\n[server]\nlogging.level = warn\n")
    with pytest.raises(BadOption, match=r"the config file has a section \[server\]"):
        load([], {"BPX_CONFIG": str(tmp_path / "conf")})
