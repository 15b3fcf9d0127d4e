"""Reads as much of HTTP/1.1 as it takes to count answers."""

_LINE_END = b"\r\n"
_HEAD_END = b"\r\n\r\n"
# Spelt as uvicorn spells them.
_LENGTH = b"\r\ncontent-length: "
_CHUNKED = b"\r\ntransfer-encoding: chunked"
_STATUS = slice(9, 12)


class Responses:
    """The responses on one connection, whose bodies have a length or come in chunks."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[int]:
        """The statuses of the responses that are complete with this data."""
        self._rest = data = self._rest + data
        statuses = []
        while end := _end_of_first(data):
            statuses.append(int(data[_STATUS]))
            self._rest = data = data[end:]
        return statuses


def _end_of_first(data: bytes) -> int:
    """Where the first response ends, 0 when it is not complete."""
    head = data.find(_HEAD_END)
    if head < 0:
        return 0
    body, start = head + len(_HEAD_END), data.find(_LENGTH, 0, head)
    if start >= 0:
        start += len(_LENGTH)
        end = body + int(data[start : data.index(_LINE_END, start)])
    elif data.find(_CHUNKED, 0, head) >= 0:
        end = _end_of_chunks(data, body)
    else:
        msg = f"It is unknown where the body ends that follows {data[:head]!r}"
        raise ValueError(msg)
    return end if end <= len(data) else 0


def _end_of_chunks(data: bytes, position: int) -> int:
    size = -1
    while size:
        line = data.find(_LINE_END, position)
        if line < 0:
            return 0
        size = int(data[position:line], 16)
        position = line + size + 2 * len(_LINE_END)
    return position
