"""Reads as much of HTTP/1.1 as it takes to count answers."""

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "
_STATUS = slice(9, 12)


class Responses:
    """The responses on one connection. They need a `content-length`, spelt as uvicorn does."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[int]:
        """The statuses of the responses that are complete with this data."""
        self._rest = data = self._rest + data
        statuses = []
        while (head := data.find(_HEAD_END)) >= 0:
            end = head + len(_HEAD_END) + _body_length(data, head)
            if len(data) < end:
                break
            statuses.append(int(data[_STATUS]))
            self._rest = data = data[end:]
        return statuses


def _body_length(data: bytes, head: int) -> int:
    start = data.find(_LENGTH, 0, head)
    if start < 0:
        msg = f"No content-length in {data[:head]!r}"
        raise ValueError(msg)
    start += len(_LENGTH)
    return int(data[start : data.index(b"\r\n", start)])
