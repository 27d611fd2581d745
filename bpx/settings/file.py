"""The config file: a line for each option."""

from typing import Any

import configargparse

from bpx.errors import BadOption


class PlainFile(configargparse.DefaultConfigFileParser):  # type: ignore[misc]
    """A config file without sections: they would be passed over, whatever they are meant to do."""

    def parse(self, stream: Any) -> Any:
        """Return what a file says."""
        try:
            lines = list(stream)
        except UnicodeDecodeError as error:
            raise BadOption("the config file is not in UTF-8") from error
        if section := next((line.strip() for line in lines if line.lstrip()[:1] == "["), None):
            raise BadOption(f"the config file has a section {section}; it accepts none")
        return super().parse(lines)
