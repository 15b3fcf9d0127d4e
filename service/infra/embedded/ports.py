import socket
from contextlib import closing


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens on right now."""
    with closing(socket.socket()) as listener:
        listener.bind((host, 0))
        port: int = listener.getsockname()[1]
        return port


def can_listen(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def answers(port: int, greeting: bytes, reply: bytes, *, host: str = "127.0.0.1") -> bool:
    """Whether what listens on this port answers the greeting with something that begins like the reply."""
    try:
        with closing(socket.create_connection((host, port), timeout=1)) as connection:
            connection.sendall(greeting)
            return connection.recv(64).startswith(reply)
    except OSError:
        return False
